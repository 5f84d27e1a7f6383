#include <cstdlib>

#include "apps/run_mlrun.h"
#include "apps/tiny_run.h"
#include "base/files.h"
#include "report/format.h"
#include "well_formed.h"

namespace mlrun::test {
namespace {

namespace fs = std::filesystem;

/// Two more runs of the tiny recipe with other seeds, and one that was interrupted, trained once for all tests.
struct Sweep {
  TempDir folder;

  Sweep() {
    folder.write("tiny.yaml", std::string(kTinyRecipe) +
                                  "expect: [{row: T/tiny, metric: test/acc1, value: 50, "
                                  "tolerance: 50, source: a <paper> & more}]\n");
    const std::vector<std::string> command = {"train", "tiny.yaml", "--quiet", "train.epochs=2", "--out"};
    std::vector<Invocation> invocations;
    for (const std::string lr : {"0.1", "0.0001"}) {
      for (const std::string seed : {"0", "1"}) {
        auto arguments = command;
        arguments.insert(arguments.end(), {"runs/" + lr + "-" + seed, "optimizer.lr=" + lr, "--seed", seed});
        invocations.push_back({arguments, folder.path(), {}});
      }
    }
    auto cut = command;
    cut.insert(cut.end(), {"runs/cut", "optimizer.lr=0.1", "--seed", "2", "train.max_time=0.001 s"});
    invocations.push_back({cut, folder.path(), {}});
    const auto outcomes = run_all(invocations);
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
      INFO("stderr: " << outcomes[i].err);
      REQUIRE(outcomes[i].code == (i + 1 == outcomes.size() ? 75 : 0));
    }
  }
};

const Sweep& sweep() {
  static const Sweep instance;
  return instance;
}

Json run_info(const std::string& name) {
  return Json::parse(read_file(sweep().folder / ("runs/" + name + "/run.json")));
}

TEST_CASE("`report` averages over seeds, ranks, and lists what is not finished", "[apps]") {
  const Outcome outcome = mlrun({"report", "runs"}, sweep().folder.path());
  INFO(outcome.out << outcome.err);
  REQUIRE(outcome.code == 0);
  for (const char* part :
       {"optimizer.lr", "val/acc1", "2 of 3", " ± ", "Not finished, and in no mean:", "runs/cut", "interrupted"}) {
    INFO(part);
    CHECK(contains(outcome.out, part));
  }
  const Json json = result_of(mlrun({"report", "runs", "--json"}, sweep().folder.path()), "report", "ok");
  CHECK(json["by"] == Json::array({"optimizer.lr"}));
  REQUIRE(json["groups"].size() == 2);
  CHECK(json["runs"].size() == 5);
  for (const Json& group : json["groups"]) {
    double sum = 0;
    for (const Json& run : group["runs"]) {
      sum += Json::parse(
                 read_file(sweep().folder / (run.get<std::string>() + "/run.json")))["result"]["metrics"]["test/acc1"]
                 .get<double>();
    }
    CHECK(group["metrics"]["test/acc1"]["mean"].get<double>() == Approx(sum / 2));
    CHECK(group["metrics"]["test/acc1"]["n"] == 2);
  }
  CHECK(json["groups"][0]["metrics"]["val/acc1"]["mean"] >= json["groups"][1]["metrics"]["val/acc1"]["mean"]);
}

TEST_CASE("`report` writes CSV, Markdown and files", "[apps]") {
  const fs::path& folder = sweep().folder.path();
  const Outcome csv = mlrun({"report", "runs", "--csv"}, folder);
  CHECK(csv.out.rfind("rank,optimizer.lr,n,unfinished,epochs,train_seconds,best_run,val/acc1,val/acc1_std,", 0) == 0);
  CHECK(std::count(csv.out.begin(), csv.out.end(), '\n') == 3);
  CHECK(mlrun({"report", "runs", "--markdown"}, folder).out.rfind("| # | optimizer.lr | n |", 0) == 0);
  const Outcome written = mlrun({"report", "runs", "--csv", "-o", "report.csv"}, folder);
  CHECK(written.out.empty());
  CHECK(read_file(folder / "report.csv") == csv.out);
  CHECK(mlrun({"report", "runs", "--csv", "--markdown"}, folder).code == 2);
}

TEST_CASE("`report` refuses what it cannot do, and leaves no file behind", "[apps]") {
  const fs::path& folder = sweep().folder.path();
  CHECK(refusal(mlrun({"report"}, folder)) ==
        "error: no runs are named; name folders that hold runs, or a published table with --table\n");
  CHECK(contains(refusal(mlrun({"report", "none"}, folder)), "none: does not exist"));
  CHECK(contains(refusal(mlrun({"report", "runs", "--by", "optimizer.rl"}, folder)), "did you mean"));
  CHECK(contains(refusal(mlrun({"report", "runs", "--metric", "val/acc9", "--html", "no.html"}, folder)), "--metric"));
  CHECK(contains(refusal(mlrun({"report", "--table", "nothing"}, folder)), "--table: there is no table 'nothing'"));
  CHECK(contains(refusal(mlrun({"report", "runs", "--html", "no/such/page.html"}, folder)), "no/such"));
  CHECK_FALSE(fs::exists(folder / "no.html"));
}

TEST_CASE("`report --table` holds runs against what was published", "[apps]") {
  const TempDir& folder = sweep().folder;
  folder.write("table.yaml",
               "title: Tiny\ncolumns: [{metric: test/acc1, name: Acc}]\n"
               "rows: [{name: Tiny net, row: T/tiny, recipe: tiny.yaml, published: {params: 3.1}}]\n");
  const Outcome none = mlrun({"report", "--table", "table.yaml"}, folder.path());
  INFO(none.err);
  CHECK(none.code == 0);
  CHECK(contains(none.out, "not_run"));
  const Json json =
      result_of(mlrun({"report", "runs", "--table", "table.yaml", "--json"}, folder.path()), "report", "ok");
  const Json& cell = json["table"]["rows"][0]["figures"][0];
  CHECK(cell["verdict"] == "met");
  CHECK(cell["n"] == 4);
  folder.write("tiny2.yaml", "extends: tiny.yaml\nexpect: [{row: T/tiny, metric: test/acc1, value: 101}]\n");
  folder.write("table2.yaml",
               "title: Tiny\ncolumns: [{metric: test/acc1, name: Acc}]\n"
               "rows: [{name: Tiny net, row: T/tiny, recipe: tiny2.yaml}]\n");
  const Outcome differs = mlrun({"report", "runs", "--table", "table2.yaml"}, folder.path());
  CHECK(differs.code == 3);
  CHECK(contains(differs.out, "differs"));
}

TEST_CASE("a run's page stands alone and shows run.json's figures", "[apps]") {
  const TempDir& folder = sweep().folder;
  const Outcome outcome = mlrun({"report", "runs/0.1-0", "--html", "run.html", "--quiet"}, folder.path());
  INFO(outcome.err);
  REQUIRE(outcome.code == 0);
  const std::string page = read_file(folder / "run.html");
  CHECK(markup_fault(page) == "");
  CHECK(web_addresses(page).empty());
  const Json metrics = run_info("0.1-0")["result"]["metrics"];
  REQUIRE(metrics.size() >= 8);
  for (const auto& [name, value] : metrics.items()) {
    const bool fine = name.find("loss") != std::string::npos || name.find("brier") != std::string::npos;
    INFO(name);
    CHECK(contains(page, ">" + report::fixed(value.get<double>(), fine ? 4 : 2) + "<"));
  }
  for (const char* part : {"Confusion matrix", "Reliability, test", "Worst mistakes", "Training samples", "Recipe",
                           "learning rate", "a &lt;paper&gt; &amp; more", "<span class=\"badge good\">met</span>"}) {
    INFO(part);
    CHECK(contains(page, part));
  }
  CHECK_FALSE(contains(page, "where the run recorded"));  // evaluated anew, it gives the same
  CHECK_FALSE(contains(page, "class=\"notice\""));
}

TEST_CASE("a page without its data says so", "[apps]") {
  const TempDir folder;
  folder.write("tiny.yaml", kTinyRecipe);
  const Outcome outcome =
      mlrun({"report", (sweep().folder / "runs/0.1-0").string(), "--html", "run.html", "--no-eval"}, folder.path());
  REQUIRE(outcome.code == 0);
  const std::string page = read_file(folder / "run.html");
  CHECK(markup_fault(page) == "");
  CHECK(contains(page, "Nothing was evaluated anew, as --no-eval asks."));
  CHECK_FALSE(contains(page, "Worst mistakes"));
}

TEST_CASE("a page of several runs has their ranking and their curves", "[apps]") {
  const TempDir& folder = sweep().folder;
  REQUIRE(mlrun({"report", "runs", "--html", "runs.html", "--quiet"}, folder.path()).code == 0);
  const std::string page = read_file(folder / "runs.html");
  CHECK(markup_fault(page) == "");
  CHECK(web_addresses(page).empty());
  for (const char* part : {"5 runs compared", "Ranking", "Not finished, and in no mean", "runs/cut",
                           "data-series=\"0.1 seed 1\"", "data-series=\"0.0001 seed 0\""}) {
    INFO(part);
    CHECK(contains(page, part));
  }
}

TEST_CASE("a browser shows a run's page", "[apps]") {
  const TempDir& folder = sweep().folder;
  if (std::system("command -v chromium >/dev/null 2>&1") != 0) return skip("chromium is not installed");
  REQUIRE(mlrun({"report", "runs/0.1-0", "--html", "run.html", "--quiet"}, folder.path()).code == 0);
  const std::string command = "cd '" + folder.path().string() +
                              "' && timeout 60 chromium --headless --no-sandbox --disable-gpu --user-data-dir=profile "
                              "--dump-dom run.html >dom.html 2>log.txt && timeout 60 chromium --headless --no-sandbox "
                              "--disable-gpu --user-data-dir=profile --window-size=1200,3000 --screenshot=page.png "
                              "run.html >>log.txt 2>&1";
  REQUIRE(std::system(command.c_str()) == 0);
  const std::string dom = read_file(folder / "dom.html");
  CHECK(contains(dom, "</footer>"));  // the parser reached the end in the place where it belongs
  CHECK(contains(dom, "<h2>Worst mistakes</h2>"));
  CHECK(fs::file_size(folder / "page.png") > 50000);
}

}  // namespace
}  // namespace mlrun::test
