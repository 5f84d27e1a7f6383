#include <set>

#include "apps/run_mlrun.h"
#include "apps/tiny_run.h"
#include "base/files.h"

namespace mlrun::test {
namespace {

namespace fs = std::filesystem;
using Strings = std::vector<std::string>;

constexpr double kPatience = 240;  // seconds, for several trainings on a busy machine

/// Two trainings of a moment on images of Fashion-MNIST.
void plan_mini(const TempDir& folder, const std::string& name) {
  const Outcome outcome = mlrun(
      {"sweep", "plan", (source_root() / "configs/quickstart.yaml").string(), "optimizer.lr=2e-3,4e-3", "train.seed=1",
       "train.epochs=2", "train.batch_size=16", "train.threads=1", "train.workers=0", "train.device=cpu",
       "train.memory_format=contiguous", "--set", "data.split={train: 0.02, val: 0.02}", "-o", name},
      folder.path());
  INFO(outcome.err);
  REQUIRE(outcome.code == 0);
}

void plan_tiny(const TempDir& folder, const Strings& words) {
  folder.write("tiny.yaml", kTinyRecipe);
  Strings arguments = {"sweep", "plan", "tiny.yaml", "-o", "sweep"};
  arguments.insert(arguments.end(), words.begin(), words.end());
  const Outcome outcome = mlrun(arguments, folder.path());
  INFO(outcome.err);
  REQUIRE(outcome.code == 0);
}

Json info_of(const fs::path& run) { return Json::parse(read_file(run / "run.json")); }

Strings run_names(const fs::path& sweep) {
  Strings names;
  if (!fs::exists(sweep / "runs")) return names;
  for (const auto& entry : fs::directory_iterator(sweep / "runs")) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

bool any_begun(const fs::path& sweep) {
  const auto names = run_names(sweep);
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    return fs::exists(sweep / "runs" / name / "run.json") && fs::exists(sweep / "runs" / name / "metrics.jsonl");
  });
}

Json sweep_result(const Outcome& outcome, const std::string& status) { return result_of(outcome, "sweep run", status); }

TEST_CASE("a sweep that is killed twice ends as one that is not", "[apps][sweep]") {
  const TempDir folder;
  plan_mini(folder, "whole");
  plan_mini(folder, "killed");
  const Json whole =
      sweep_result(run({{"sweep", "run", "whole", "--json"}, folder.path(), {}, {}, false, kPatience}), "ok");
  CHECK(whole.at("finished") == 2);
  const fs::path killed = folder / "killed";
  {
    Child sweep({{"sweep", "run", "killed"}, folder.path(), {}, {}, false, kPatience});
    sweep.wait_until([&] { return any_begun(killed); });
    sweep.signal(SIGKILL);
    CHECK(sweep.wait().code == 128 + SIGKILL);
  }
  {
    Child sweep({{"sweep", "run", "killed", "--jobs", "2"}, folder.path(), {}, {}, false, kPatience});
    sweep.wait_until([&] { return run_names(killed).size() == 2; });
    sweep.signal(SIGKILL);
    for (const auto& name : run_names(killed)) {
      if (!fs::exists(killed / "runs" / name / "run.json")) continue;
      const Json info = info_of(killed / "runs" / name);
      if (info.value("state", "") == "running") ::kill(info.at("pid").get<pid_t>(), SIGKILL);
    }
    CHECK(sweep.wait().code == 128 + SIGKILL);
  }
  const Outcome last = run({{"sweep", "run", "killed", "--json"}, folder.path(), {}, {}, false, kPatience});
  CHECK(sweep_result(last, "ok").at("finished") == 2);
  const Strings names = run_names(folder / "whole");
  CHECK(names == Strings{"0000-lr=2e-3", "0001-lr=4e-3"});
  CHECK(run_names(killed) == names);
  std::set<std::string> weights;
  for (const auto& name : names) {
    INFO(name);
    const auto best = [&](const char* sweep) {
      return sha256_file(folder / sweep / "runs" / name / "checkpoints/best/model.safetensors");
    };
    CHECK(best("whole") == best("killed"));
    CHECK(info_of(folder / "whole/runs" / name).at("result").at("metrics") ==
          info_of(killed / "runs" / name).at("result").at("metrics"));
    weights.insert(best("whole"));
  }
  CHECK(weights.size() == 2);
}

TEST_CASE("two sweeps of one folder never train a combination twice", "[apps][sweep]") {
  const TempDir folder;
  plan_tiny(folder, {"train.seed=0..3"});
  const Invocation invocation{{"sweep", "run", "sweep", "--json"}, folder.path(), {}, {}, false, kPatience};
  Child first(invocation), second(invocation);
  std::multiset<std::string> trained;
  for (Child* child : {&first, &second}) {
    const Json result = sweep_result(child->wait(), "ok");
    for (const auto& name : result.at("trained")) trained.insert(name.get<std::string>());
  }
  CHECK(trained == std::multiset<std::string>{"0000-seed=0", "0001-seed=1", "0002-seed=2", "0003-seed=3"});
}

TEST_CASE("a combination that fails does not stop the others", "[apps][sweep]") {
  const TempDir folder;
  plan_tiny(folder, {"optimizer.lr=1e30,0.1,0.01"});
  const Outcome outcome = run({{"sweep", "run", "sweep", "--json"}, folder.path(), {}, {}, false, kPatience});
  CHECK(outcome.code == 2);
  const Json result = sweep_result(outcome, "error");
  CHECK(result.at("finished") == 2);
  const Json errors = outcome.json().at("errors");
  REQUIRE(errors.size() == 1);
  CHECK(errors[0].at("file") == "0000-lr=1e30");
  CHECK(contains(errors[0].at("message").get<std::string>(), "not finite"));
  CHECK(contains(outcome.err, "0001-lr=0.1  finished  val/acc1 "));

  const Outcome table = mlrun({"sweep", "status", "sweep", "--rank"}, folder.path());
  CHECK(contains(table.out, "3 combinations: 2 finished, 1 failed\n"));
  const Json status =
      result_of(mlrun({"sweep", "status", "sweep", "--json", "--rank"}, folder.path()), "sweep status", "ok");
  REQUIRE(status.size() == 3);
  CHECK(status[0].at("best").at("value") >= status[1].at("best").at("value"));
  CHECK(status[2].at("state") == "failed");
  CHECK(status[2].at("set") == Json{{"optimizer.lr", "1e30"}});
}

TEST_CASE("a signal stops a sweep with all states saved", "[apps][sweep]") {
  const TempDir folder;
  plan_tiny(folder, {"train.seed=0,1", "train.epochs=100000"});
  Child sweep({{"sweep", "run", "sweep", "--jobs", "2", "--json"}, folder.path(), {}, {}, false, kPatience});
  sweep.wait_until([&] {
    const auto begun = [&](const char* name) { return fs::exists(folder / "sweep/runs" / name / "checkpoints/last"); };
    return begun("0000-seed=0") && begun("0001-seed=1");
  });
  sweep.signal(SIGTERM);
  const Outcome outcome = sweep.wait();
  CHECK(outcome.code == 75);
  const Json result = sweep_result(outcome, "interrupted");
  CHECK(result.at("stopped_by") == "SIGTERM");
  CHECK(result.at("interrupted").size() == 2);
  CHECK(info_of(folder / "sweep/runs/0000-seed=0").at("state") == "interrupted");
}

TEST_CASE("one combination by its number, as a task of a Slurm array", "[apps][sweep]") {
  const TempDir folder;
  plan_tiny(folder, {"train.seed=5,6"});
  const Outcome outcome = mlrun({"sweep", "run", "sweep", "--index", "1", "--json"}, folder.path());
  CHECK(outcome.code == 0);
  CHECK(sweep_result(outcome, "ok").at("run") == "sweep/runs/0001-seed=6");
  CHECK(run_names(folder / "sweep") == Strings{"0001-seed=6"});
  CHECK(contains(mlrun({"sweep", "run", "sweep", "--index", "1"}, folder.path()).out, "already finished: "));
  CHECK(refusal(mlrun({"sweep", "run", "sweep", "--index", "2"}, folder.path())) ==
        "error: --index 2: there is no such combination; they are 0 to 1\n");
  // The recipes are the plan's, whatever becomes of the base; and nobody edits them unnoticed.
  folder.write("tiny.yaml", "nothing of use");
  CHECK(run({{"sweep", "run", "sweep", "--quiet"}, folder.path(), {}, {}, false, kPatience}).code == 0);
  folder.write("sweep/recipes/0000-seed=5.yaml", "task: classification\n");
  CHECK(refusal(mlrun({"sweep", "run", "sweep", "--index", "0"}, folder.path())) ==
        "error: sweep/recipes/0000-seed=5.yaml: has been changed since the sweep was planned; restore it, or plan "
        "another sweep with -o\n");
}

TEST_CASE("a plan is checked whole before anything is written", "[apps][sweep]") {
  const TempDir folder;
  folder.write("tiny.yaml", kTinyRecipe);
  const auto plan = [&](Strings words) {
    Strings arguments = {"sweep", "plan", "tiny.yaml", "-o", "sweep"};
    arguments.insert(arguments.end(), words.begin(), words.end());
    return mlrun(arguments, folder.path());
  };
  const Outcome wrong = plan({"optimizer.lr=-1,0.1", "train.epoch=3", "train.batch_size=0,8"});
  CHECK(wrong.code == 2);
  CHECK(wrong.err ==
        "error: command line: train.batch_size: expected an integer of at least 1, got 0 (in "
        "0000-lr=-1-batch_size=0, 0002-lr=0.1-batch_size=0)\n"
        "error: command line: train.epoch: unknown key (in every combination); did you mean epochs?\n"
        "error: command line: optimizer.lr: expected a number above 0, got -1 (in 0000-lr=-1-batch_size=0, "
        "0001-lr=-1-batch_size=8)\n");
  CHECK(!fs::exists(folder / "sweep"));
  CHECK(refusal(plan({"train.seed=1"})) ==
        "error: nothing is swept; give a key several values, as optimizer.lr=0.1,0.01\n");
  CHECK(refusal(plan({"optimizer.lr=1,1.0"})) ==
        "error: comes to the same recipe as 0000-lr=1 (in 0001-lr=1.0); remove one of the values\n");
  CHECK(refusal(plan({"train.seed=1,2", "--set", "train.seed=3"})) == "error: train.seed is given twice; keep one\n");
  CHECK(refusal(mlrun({"sweep", "status", "sweep"}, folder.path())) ==
        "error: sweep: does not exist; name the folder that `mlrun sweep plan` wrote\n");

  CHECK(plan({"train.seed=1,2"}).code == 0);
  CHECK(contains(plan({"train.seed=1,2"}).out, "sweep holds this plan already: 2 combinations\n"));
  CHECK(refusal(plan({"train.seed=1,3"})) ==
        "error: sweep: holds another sweep: its keys differ; choose another folder with -o\n");
  folder.write("tiny.yaml", std::string(kTinyRecipe) + "averaging: ema\n");
  CHECK(refusal(plan({"train.seed=1,2"})) ==
        "error: sweep: holds another sweep: its recipe differs; choose another folder with -o\n");
  folder.write("other/file", "of somebody");
  CHECK(refusal(plan({"train.seed=1,2", "-o", "other"})).find("error: ") == 0);
  folder.write("sweep/sweep.json", "{}");
  CHECK(refusal(mlrun({"sweep", "status", "sweep"}, folder.path())) ==
        "error: sweep/sweep.json: is damaged: it is not what `mlrun sweep plan` writes; plan the sweep again\n");
}

TEST_CASE("random combinations of a plan are those of its seed", "[apps][sweep]") {
  const TempDir folder;
  folder.write("tiny.yaml", kTinyRecipe);
  const auto names = [&](const std::string& out, const std::string& seed) {
    const Outcome outcome = mlrun({"sweep", "plan", "tiny.yaml", "optimizer.lr=log(1e-3..1.0)", "--random", "5",
                                   "--seed", seed, "-o", out, "--json"},
                                  folder.path());
    Strings list;
    const Json result = result_of(outcome, "sweep plan", "ok");
    for (const auto& entry : result.at("combinations")) {
      list.push_back(entry.at("name").get<std::string>());
      CHECK(entry.at("state") == "planned");
    }
    return list;
  };
  const Strings first = names("a", "1");
  CHECK(first.size() == 5);
  CHECK(first == names("b", "1"));
  CHECK(first != names("c", "2"));
}

}  // namespace
}  // namespace mlrun::test
