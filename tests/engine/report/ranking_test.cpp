#include "engine/report/ranking.h"

#include <cmath>

#include "support.h"

using namespace mlrun;
using namespace mlrun::engine;
using mlrun::test::user_error;

namespace {

/// A finished run of a recipe with these keys.
RunRecord record(const std::string& path, std::map<std::string, Json> keys, report::Figures figures) {
  RunRecord run;
  run.summary.path = path;
  run.summary.state = "finished";
  run.summary.epoch = run.summary.epochs = 3;
  run.summary.best = Best{{"val/acc1", figures.empty() ? 0 : figures.front().value}, 9};
  run.keys = std::move(keys);
  run.figures = std::move(figures);
  run.train_time = 10;
  return run;
}

/// Two rates with three seeds each; the higher rate is worse.
std::vector<RunRecord> sweep() {
  std::vector<RunRecord> runs;
  const std::vector<std::vector<double>> acc1 = {{90, 91, 92}, {80, 80, 86}};
  for (std::size_t rate = 0; rate < 2; ++rate) {
    for (std::size_t seed = 0; seed < 3; ++seed) {
      const std::string name = std::to_string(rate) + std::to_string(seed);
      runs.push_back(record("runs/" + name,
                            {{"optimizer.lr", rate == 0 ? 0.1 : 0.5},
                             {"train.seed", seed},
                             {"train.workers", seed},
                             {"train.log_steps", seed + rate},
                             {"model.name", "small_cnn"}},
                            {{"val/acc1", acc1[rate][seed]},
                             {"val/loss", 1 - 0.1 * static_cast<double>(rate), report::Better::Lower, 4, ""},
                             {"test/acc1", acc1[rate][seed] - 1},
                             {"test/brier", 0.25}}));
    }
  }
  return runs;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("runs are grouped by the keys in which they differ and averaged over seeds", "[engine][report]") {
  const auto runs = sweep();
  const Ranking ranking = rank(runs, {});
  CHECK(ranking.by == Names{"optimizer.lr"});  // not the seed, and not how a run was made
  CHECK(ranking.metric == "val/acc1");
  CHECK(ranking.mixed.empty());
  REQUIRE(ranking.groups.size() == 2);
  CHECK(ranking.groups[0].values == Names{"0.1"});
  CHECK(ranking.groups[0].find("val/acc1")->mean == Approx(91));
  CHECK(ranking.groups[0].find("val/acc1")->deviation == Approx(1));
  CHECK(ranking.groups[0].find("val/acc1")->n == 3);
  CHECK(ranking.groups[0].finished.front()->summary.path == "runs/02");
  CHECK(ranking.groups[1].find("val/acc1")->mean == Approx(82));
  CHECK(ranking.groups[1].find("val/acc1")->deviation == Approx(std::sqrt(12.0)));
  CHECK(ranking_table(ranking, false).text() ==
        "#  optimizer.lr  n      val/acc1         val/loss     test/acc1  epochs  train time  best run\n"
        "-  ------------  -  ------------  ---------------  ------------  ------  ----------  --------\n"
        "1           0.1  3  91.00 ± 1.00  1.0000 ± 0.0000  90.00 ± 1.00       3        10 s  runs/02\n"
        "2           0.5  3  82.00 ± 3.46  0.9000 ± 0.0000  81.00 ± 3.46       3        10 s  runs/12\n");
}

TEST_CASE("where less is better, the least comes first", "[engine][report]") {
  const auto runs = sweep();
  RankingRequest request;
  request.metric = "val/loss";
  const Ranking ranking = rank(runs, request);
  CHECK(ranking.lower_is_better);
  CHECK(ranking.figures.front().name == "val/loss");
  CHECK(ranking.groups[0].values == Names{"0.5"});
}

TEST_CASE("which is better is what the runs recorded, whatever the figure's name", "[engine][report]") {
  const report::Figure error = {"val/error", 3, report::Better::Lower, 1, "K"};
  const report::Figure more = {"val/error", 4, report::Better::Lower, 1, "K"};
  std::vector<RunRecord> runs = {record("a", {{"x", 1}}, {more}), record("b", {{"x", 2}}, {error})};
  for (auto& run : runs) run.summary.best = Best{run.figures.front(), 9};
  const Ranking ranking = rank(runs, {});
  CHECK(ranking.lower_is_better);
  CHECK(ranking.groups[0].values == Names{"2"});
  CHECK(ranking_table(ranking, false).text() ==
        "#  x  n  val/error  epochs  train time  best run\n"
        "-  -  -  ---------  ------  ----------  --------\n"
        "1  2  1        3.0       3        10 s  b\n"
        "2  1  1        4.0       3        10 s  a\n");
  for (auto& run : runs) run.figures.clear();  // before they end, their best says it
  for (auto& run : runs) run.summary.state = "running";
  CHECK(rank(runs, {}).lower_is_better);
}

TEST_CASE("unfinished runs are listed and in no mean", "[engine][report]") {
  auto runs = sweep();
  runs[0].summary.state = "failed";
  runs[0].summary.error = "loss is nan";
  runs[0].figures.clear();
  runs.push_back(record("runs/new", {{"optimizer.lr", 0.9}, {"train.seed", 0}}, {}));
  runs.back().summary.state = "interrupted";
  runs.back().summary.epoch = 1;
  const Ranking ranking = rank(runs, {});
  REQUIRE(ranking.groups.size() == 3);
  CHECK(ranking.groups[0].find("val/acc1")->mean == Approx(91.5));
  CHECK(ranking.groups[0].find("val/acc1")->n == 2);
  CHECK(ranking.groups[2].values == Names{"0.9"});
  const std::string table = ranking_table(ranking, false).text();
  CHECK(table.find("2 of 3") != std::string::npos);
  CHECK(table.find("0 of 1") != std::string::npos);
  CHECK(unfinished_table(ranking).text() ==
        "run       state        epoch  best so far     what is wrong\n"
        "--------  -----------  -----  --------------  -------------\n"
        "runs/00   failed         3/3  val/acc1 90.00  loss is nan\n"
        "runs/new  interrupted    1/3  val/acc1 0.00\n");
  const Json json = to_json(ranking);
  CHECK(json["runs"].size() == 7);
  CHECK(json["groups"][2]["rank"].is_null());
  CHECK(json["groups"][0]["unfinished"] == 1);
}

TEST_CASE("settings of a component that others have not chosen do not tell rows apart", "[engine][report]") {
  std::vector<RunRecord> runs = {
      record("a", {{"optimizer.name", "sgd"}, {"optimizer.momentum", 0.9}}, {{"val/acc1", 1}}),
      record("b", {{"optimizer.name", "adamw"}, {"optimizer.betas", Json::array({0.9, 0.99})}}, {{"val/acc1", 2}})};
  CHECK(rank(runs, {}).by == Names{"optimizer.name"});
  runs.push_back(record("c", {{"optimizer.name", "sgd"}, {"optimizer.momentum", 0.8}}, {{"val/acc1", 3}}));
  const Ranking ranking = rank(runs, {});
  CHECK(ranking.by == Names{"optimizer.momentum", "optimizer.name"});
  CHECK(ranking.groups[0].values == Names{"0.8", "sgd"});
  CHECK(ranking.groups[1].values == Names{"-", "adamw"});
}

TEST_CASE("lists of components are shown by name, in full where that does not tell them apart", "[engine][report]") {
  const auto list = [](const char* text) { return Json::parse(text); };
  std::vector<RunRecord> runs = {record("a", {{"data.augment", list(R"([{"name":"flip"}])")}}, {{"val/acc1", 2}}),
                                 record("b", {{"data.augment", list(R"([{"name":"crop"}])")}}, {{"val/acc1", 1}})};
  CHECK(rank(runs, {}).groups[0].values == Names{"[flip]"});
  runs.push_back(record("c", {{"data.augment", list(R"([{"name":"flip","p":1}])")}}, {{"val/acc1", 3}}));
  CHECK(rank(runs, {}).groups[0].values == Names{R"([{"name":"flip","p":1}])"});
}

TEST_CASE("of many keys that tell runs apart alike one is shown", "[engine][report]") {
  std::vector<RunRecord> runs;
  for (int i = 0; i < 4; ++i) {
    const bool other = i % 2 == 1;
    runs.push_back(record(std::to_string(i),
                          {{"data.root", other ? "b" : "a"},
                           {"data.format", other},
                           {"train.epochs", other ? 3 : 4},
                           {"train.batch_size", other},
                           {"model.width", other},
                           {"model.dropout", other},
                           {"optimizer.lr", i < 2 ? 0.1 : 0.2}},
                          {{"val/acc1", static_cast<double>(i)}}));
  }
  const Ranking ranking = rank(runs, {});
  CHECK(ranking.by == Names{"data.root", "optimizer.lr"});
  CHECK(ranking.alike == Names{"data.format", "model.dropout", "model.width", "train.batch_size", "train.epochs"});
  CHECK(ranking.groups.size() == 4);
  CHECK(ranking.mixed.empty());
  for (auto& run : runs) run.keys.erase("train.epochs");  // six keys are all shown
  CHECK(rank(runs, {}).by.size() == 6);
}

TEST_CASE("--by averages over the rest and says in what runs of a row differ", "[engine][report]") {
  const auto runs = sweep();
  RankingRequest request;
  request.by = {"model.name"};
  const Ranking mixed = rank(runs, request);
  REQUIRE(mixed.groups.size() == 1);
  CHECK(mixed.groups[0].find("val/acc1")->n == 6);
  CHECK(mixed.mixed == Names{"optimizer.lr"});
  request.over = {"train.seed", "optimizer.lr"};
  CHECK(rank(runs, request).mixed.empty());
}

TEST_CASE("keys and metrics that no run has are refused", "[engine][report]") {
  const auto runs = sweep();
  RankingRequest request;
  request.by = {"optimizer.lrr"};
  CHECK(user_error([&] { rank(runs, request); }) ==
        "--by: no run's recipe has the key 'optimizer.lrr'; did you mean optimizer.lr?");
  request = {};
  request.over = {"seed"};
  CHECK(user_error([&] { rank(runs, request); }).find("--over: no run's recipe has the key 'seed'") == 0);
  request = {};
  request.metric = "val/acc2";
  CHECK(user_error([&] { rank(runs, request); }).find("--metric: no run has a figure 'val/acc2'; did you mean") == 0);
}

TEST_CASE("figures that are not numbers rank last", "[engine][report]") {
  const std::vector<RunRecord> runs = {record("a", {{"x", 1}}, {{"val/acc1", std::nan("")}}),
                                       record("b", {{"x", 2}}, {{"val/acc1", 1}})};
  const Ranking ranking = rank(runs, {});
  CHECK(ranking.groups[0].values == Names{"2"});
  CHECK(ranking_csv(ranking).csv() ==
        "rank,x,n,unfinished,epochs,train_seconds,best_run,val/acc1,val/acc1_std\n"
        "1,2,1,0,3,10,b,1,\n2,1,1,0,3,10,a,,\n");
}

TEST_CASE("the metric is the one by which most runs chose", "[engine][report]") {
  auto runs = sweep();
  for (std::size_t i = 0; i < 4; ++i) runs[i].summary.best = Best{{"val/loss", 0.5, report::Better::Lower, 4, ""}, 1};
  CHECK(usual_metric(runs) == "val/loss");
  CHECK(bare_figure("val/swa_acc1") == "acc1");
  CHECK(bare_figure("train/loss") == "loss");
}
