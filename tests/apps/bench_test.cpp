#include <algorithm>

#include "apps/run_mlrun.h"
#include "apps/tiny_run.h"
#include "base/files.h"

namespace mlrun::test {
namespace {

/// A bench of a moment.
std::vector<std::string> quick(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "bench");
  arguments.insert(arguments.end(), {"--seconds", "0.02", "--quiet"});
  return arguments;
}

TEST_CASE("`bench` measures runs and architectures in every mode", "[apps]") {
  const TinyRun& tiny = tiny_run();
  const auto path = tiny.folder.path();
  const auto outcomes = run_all(
      {{quick({"--model", "small_cnn,squeezenet1_1", "model.num_classes=7", "--size", "32", "--threads", "1", "--batch",
               "1,2", "--engine", "eager,torchscript", "--memory-format", "contiguous", "--json"}),
        path},
       {quick({"run", "--layers", "--top", "2", "--threads", "1"}), path},
       {quick({"--mode", "train", "run", "tiny.yaml", "--threads", "1", "--json"}), path},
       {quick({"--mode", "train", "--model", "small_cnn", "--size", "16", "--batch", "3", "--threads", "1", "--csv"}),
        path},
       {quick({"--mode", "load", "tiny.yaml", "--workers", "0,1", "--batch", "4", "--markdown"}), path}});

  const Json rows = result_of(outcomes[0], "bench", "ok");
  REQUIRE(rows.size() == 8);
  CHECK(rows[0].at("model") == "small_cnn");
  CHECK(rows[7].at("model") == "squeezenet1_1");
  CHECK(rows[7].at("engine") == "torchscript");
  CHECK(rows[7].at("batch") == 2);
  CHECK(rows[7].at("size") == 32);
  CHECK(rows[7].at("p50").get<double>() > 0);
  CHECK(rows[7].at("steady").is_boolean());

  INFO(outcomes[1].out << outcomes[1].err);
  CHECK(outcomes[1].code == 0);
  for (const char* part :
       {"px, batch 1, threads: 1, fp32, eager, c", "p50 ms", "of ceiling", "the 2 slowest of ", "GFLOP/s"}) {
    INFO(part);
    CHECK(contains(outcomes[1].out, part));
  }
  const Json steps = result_of(outcomes[2], "bench", "ok");
  REQUIRE(steps.size() == 2);
  CHECK(steps[0].at("mode") == "train");
  CHECK(steps[0].at("batch") == 8);
  CHECK(outcomes[3].code == 0);
  CHECK(std::count(outcomes[3].out.begin(), outcomes[3].out.end(), '\n') == 2);
  CHECK(contains(outcomes[3].out, "images_per_s"));
  CHECK(outcomes[4].code == 0);
  CHECK(contains(outcomes[4].out, "| model "));
  CHECK(contains(outcomes[4].out, "batch 4"));
}

TEST_CASE("`bench` refuses what it cannot measure, in one line", "[apps]") {
  const TinyRun& tiny = tiny_run();
  const auto path = tiny.folder.path();
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{}, "nothing is named; name a run, a weight file, or --model NAME"},
      {{"--model", "resnet81"}, "did you mean resnet18"},
      {{"--model", "small_cnn", "--batch", "0"}, "--batch"},
      {{"--model", "small_cnn", "--batch", "1,x"}, "--batch"},
      {{"--model", "small_cnn", "--threads", "0"}, "--threads"},
      {{"--model", "small_cnn", "--seconds", "0"}, "--seconds"},
      {{"--model", "small_cnn", "--mode", "fly"}, "--mode"},
      {{"--model", "small_cnn", "--memory-format", "nchw"}, "--memory-format"},
      {{"--model", "small_cnn", "--engine", "eagre"}, "--engine: there is no 'eagre'; did you mean eager?"},
      {{"--model", "small_cnn", "--precision", "fp64"}, "--precision: there is no 'fp64'"},
      {{"--model", "squeezenet1_1", "--size", "4"}, "squeezenet1_1 takes no images of 4 px"},
      {{"--model", "small_cnn", "--device", "cuda:50"}, "device 'cuda:50' is not there"},
      {{"--model", "small_cnn", "--mode", "load"}, "--mode load reads a recipe's data"},
      {{"--model", "small_cnn", "--workers", "1"}, "add --mode load"},
      {{"--model", "small_cnn", "--csv", "--markdown"}, "--csv"},
      {{"--mode", "train", "run", "--size", "8"}, "--size: "},
      {{"absent"}, "absent"},
      {{"--mode", "train", "absent"}, "there is no recipe 'absent'"}};
  std::vector<Invocation> invocations;
  for (const auto& item : cases) invocations.push_back({quick(item.first), path});
  const auto outcomes = run_all(invocations);
  for (std::size_t i = 0; i < cases.size(); ++i) {
    INFO(cases[i].second);
    CHECK(contains(refusal(outcomes[i]), cases[i].second));
  }
}

TEST_CASE("`report --table --bench` puts measured times beside published ones", "[apps]") {
  const TempDir folder;
  const Json row = {{"mode", "infer"}, {"device", "cpu"},     {"model", "resnet18"}, {"batch", 1}, {"size", 224},
                    {"threads", 2},    {"precision", "fp32"}, {"engine", "eager"},   {"p50", 41.5}};
  folder.write("bench.json", Json({{"schema", 1}, {"command", "bench"}, {"result", Json::array({row})}}).dump());
  const std::map<std::string, std::string> shipped = {{"MLRUN_CONFIGS", (source_root() / "configs").string()}};
  const auto outcomes =
      run_all({{{"report", "--table", "mobilenet_v3", "--bench", "bench.json"}, folder.path(), shipped},
               {{"report", "--bench", "bench.json"}, folder.path(), shipped},
               {{"report", "--table", "mobilenet_v3", "--bench", "absent.json"}, folder.path(), shipped}});
  CHECK(outcomes[0].code == 0);
  for (const char* part : {"CPU s/image", "0.2545", "6.19", "ms, eager, 2 threads", "41.5"}) {
    INFO(part);
    CHECK(contains(outcomes[0].out, part));
  }
  CHECK(contains(refusal(outcomes[1]), "add --table TABLE"));
  CHECK(contains(refusal(outcomes[2]), "absent.json"));
}

}  // namespace
}  // namespace mlrun::test
