#include "engine/report/runs.h"
#include "engine/report/page.h"
#include "engine/train/training.h"
#include "report/markup.h"
#include "well_formed.h"

using namespace mlrun;
using namespace mlrun::engine;
using namespace mlrun::test;

TEST_CASE("records hold what run.json says, each run once", "[engine][report]") {
  const TempDir folder;
  const auto trained = train_in(folder / "sweep/a", tiny());
  folder.write("sweep/b/run.json", "[1");
  folder.write("sweep/c/run.json", R"({"state": "failed", "error": "boom", "result": 7, "recipe": {"x": {"y": 1}}})");
  const auto runs = read_runs({folder.path(), folder / "sweep"});
  REQUIRE(runs.size() == 3);
  CHECK(runs[0].finished());
  CHECK(runs[0].figures.size() == trained.summary["metrics"].size());
  for (const auto& [name, value] : trained.summary["metrics"].items()) {
    REQUIRE(runs[0].find(name) != nullptr);
    CHECK(runs[0].find(name)->value == value.get<double>());
  }
  CHECK(runs[0].keys.at("optimizer.lr") == 0.05);
  CHECK(runs[0].keys.at("data.augment").is_array());
  CHECK(*runs[0].train_time > 0);
  CHECK(runs[1].summary.state == "damaged");
  CHECK(runs[2].keys.at("x.y") == 1);
  CHECK(runs[2].figures.empty());
  CHECK(user_error([&] { read_runs({folder / "sweep/a/checkpoints"}); }).find("there are no runs below") == 0);
}

TEST_CASE("evidence gives what the run recorded, and says what it lacks", "[engine][report]") {
  const TempDir folder;
  const auto resolved = tiny();
  train_in(folder / "run", resolved);
  const RunRecord run = read_runs({folder / "run"}).front();
  const Evidence evidence = gather_evidence(recipes::tasks(), resolved, folder / "run", false);
  CHECK(evidence.missing.empty());
  REQUIRE(evidence.evaluation);
  CHECK(evidence.evaluation->total == 20);
  for (const auto& figure : evidence.evaluation->figures) CHECK(figure.value == run.find("test/" + figure.name)->value);
  REQUIRE(evidence.data_exhibits.size() == 1);
  CHECK(report::exhibit_csv(evidence.data_exhibits[0]).find("\nall,40,12,20\n") != std::string::npos);
  CHECK(evidence.data_facts.front().first == "name");
  CHECK(evidence.training.size() == 24);
  REQUIRE(evidence.training[0].lines.size() == 2);
  CHECK(evidence.training[0].lines[0].size() == 1);  // a class: 0 to 9
  const double right = evidence.evaluation->find("acc1")->value * 20 / 100;
  REQUIRE(evidence.findings.size() == 3);
  const auto* mistakes = std::get_if<report::Thumbnails>(&evidence.findings[2].exhibits.at(0).content);
  REQUIRE(mistakes != nullptr);
  CHECK(mistakes->size() == static_cast<std::size_t>(20 - std::lround(right)));
  CHECK(mistakes->at(0).lines[0].find(", taken for ") != std::string::npos);
  for (const auto& picture : evidence.training) CHECK(picture.uri.rfind("data:image/png;base64,iVBORw0KGgo", 0) == 0);

  // A task without an exhibition is shown by what its metrics have.
  engine::TaskFactory plain("task");
  plain.add<config::NoOptions>("classification", "", [&](const config::NoOptions&, const TaskRequest& request) {
    return std::make_unique<WrappedTask>(recipes::tasks().make(resolved.recipe.task.kind, request));
  });
  config::Resolved wrapped = resolved;
  wrapped.recipe.task.kind = plain.defaults("classification");
  const Evidence bare = gather_evidence(plain, wrapped, folder / "run", false);
  CHECK(bare.missing.empty());
  REQUIRE(bare.findings.size() == 1);
  CHECK(bare.findings[0].title == "Evaluation");
  CHECK(bare.findings[0].exhibits.size() == evidence.evaluation->exhibits.size());
  CHECK(bare.data_facts.size() == 2);
  const std::string bare_page = run_page(run, bare, "", nullptr);
  CHECK(markup_fault(bare_page) == "");
  CHECK(bare_page.find("<h2>Evaluation</h2>") != std::string::npos);

  std::filesystem::remove_all(folder / "run/checkpoints");
  const Evidence without = gather_evidence(recipes::tasks(), resolved, folder / "run", false);
  REQUIRE(without.missing.size() == 1);
  CHECK(without.missing[0].find("has no checkpoint yet") != std::string::npos);
  CHECK_FALSE(without.evaluation);
  const std::string page = run_page(run, without, "task: <x>", nullptr);
  CHECK(markup_fault(page) == "");
  CHECK(page.find("has no checkpoint yet") != std::string::npos);
  CHECK(page.find("task: &lt;x&gt;") != std::string::npos);
}
