#include <algorithm>
#include <sstream>

#include <torch/types.h>

#include "catch.h"
#include "deploy/bench/bench.h"
#include "deploy/graph/graph.h"
#include "deploy/instruction_sets.h"
#include "deploy/sidecars.h"

using namespace mlrun;
using namespace mlrun::deploy;
using Catch::Matchers::ContainsSubstring;

namespace {

BenchRow bench_row(const std::string& mode) {
  BenchRow row;
  row.mode = mode;
  row.model = "net, \"large\"";
  row.device = "cpu";
  row.batch = 8;
  row.height = 48;
  row.width = 64;
  row.threads = 2;
  row.latency = {4, 5, 6, 4.1, 0.015, 0, 100, 15, true};
  row.images_per_s = 2000;
  row.rss_mb = 99.6;
  return row;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

}  // namespace

TEST_CASE("what does not apply to a row is null in JSON and empty in CSV", "[deploy][bench]") {
  const Json json = to_json(bench_row("infer"));
  for (const char* key : {"weights", "workers", "precision", "engine", "memory_format", "isa", "params", "macs",
                          "gflops", "ceiling_gflops", "ceiling_share"}) {
    INFO(key);
    REQUIRE(json.contains(key));
    CHECK(json.at(key).is_null());
  }
  CHECK(json.at("size") == Json::array({48, 64}));
  CHECK(json.at("p50") == 4);
  CHECK(json.at("iterations") == 100);
  CHECK(json.at("steady") == true);
  CHECK_FALSE(json.contains("layers"));
  BenchRow square = bench_row("load");
  square.height = square.width = 32;
  CHECK(to_json(square).at("size") == 32);
  CHECK(to_json(square).at("workers") == 0);  // loading in the thread that asks
  square.height = square.width = 0;
  CHECK(to_json(square).at("size").is_null());
  const auto lines = lines_of(bench_text({bench_row("infer")}, TableForm::Csv, 0));
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].rfind("mode,model,weights,device,batch,size,threads,workers,precision,", 0) == 0);
  CHECK(lines[1].rfind("infer,\"net, \"\"large\"\"\",,cpu,8,48x64,2,,,", 0) == 0);
  CHECK_THAT(lines[0], !ContainsSubstring("layers"));
}

TEST_CASE("a share of the ceiling is shown where both are known", "[deploy][bench]") {
  BenchRow row = bench_row("infer");
  row.gflops = 2;
  CHECK(to_json(row).at("ceiling_share").is_null());
  row.ceiling = 8;
  CHECK(to_json(row).at("ceiling_share") == 0.25);
  const std::string text = bench_text({row}, TableForm::Text, 0);
  CHECK_THAT(text, ContainsSubstring("of ceiling") && ContainsSubstring("25 %"));
  CHECK_THAT(text, ContainsSubstring("ceiling (a float32 matrix product): 8.0 GFLOP/s with 2 threads"));
}

TEST_CASE("settings that differ are columns, columns that say nothing are left out", "[deploy][bench]") {
  BenchRow a = bench_row("infer"), b = bench_row("infer");
  a.precision = "fp32";
  b.precision = "int8";
  b.height = b.width = 96;
  const auto lines = lines_of(bench_text({a, b}, TableForm::Text, 0));
  REQUIRE(lines.size() >= 5);
  CHECK(lines[0] == "mode infer, cpu, batch 8, threads: 2");
  CHECK_THAT(lines[2], ContainsSubstring("size") && ContainsSubstring("precision"));
  for (const char* silent : {"params", "MACs", "GFLOP/s", "ceiling", "workers", "engine"}) {
    CHECK(lines[2].find(silent) == std::string::npos);
  }
  CHECK_THAT(lines[4], ContainsSubstring("48x64") && ContainsSubstring("fp32"));
  CHECK_THAT(lines[5], ContainsSubstring("96") && ContainsSubstring("int8"));
  const auto marked = lines_of(bench_text({a, b}, TableForm::Markdown, 0));
  CHECK(marked[2].rfind("| model", 0) == 0);
  CHECK(marked[3].rfind("|", 0) == 0);
  CHECK(marked.size() == 6);
}

TEST_CASE("layers stand below their row's table, in every form but CSV", "[deploy][bench]") {
  BenchRow row = bench_row("infer");
  row.precision = "fp32";
  row.layers = {{"stem", "Conv2d", {8, 4, 4, 4}, 1, 2000000}, {"head", "Linear", {8, 3}, 3, 1000}};
  const std::string text = bench_text({row}, TableForm::Text, 1);
  CHECK_THAT(text, ContainsSubstring("batch 8, 2 threads, fp32: the 1 slowest of 2 layers"));
  CHECK_THAT(text, ContainsSubstring("head") && !ContainsSubstring("stem"));
  CHECK_THAT(bench_text({row}, TableForm::Markdown, 0), ContainsSubstring("| stem"));
  CHECK_THAT(bench_text({row}, TableForm::Csv, 0), !ContainsSubstring("stem"));
  const Json layers = to_json(row).at("layers");
  REQUIRE(layers.size() == 2);
  CHECK(layers[0].at("share") == 0.25);
  CHECK(layers[0].at("gflops") == Approx(4));
  CHECK(layers[1].at("output") == Json::array({8, 3}));
  CHECK(to_json(std::vector<LayerTime>{{"a", "Identity", {1}, 0, 5}})[0].at("share") == 0);
}

TEST_CASE("loads are never called unsteady", "[deploy][bench]") {
  BenchRow load = bench_row("load"), train = bench_row("train");
  load.latency.steady = train.latency.steady = false;
  CHECK_THAT(bench_text({load}, TableForm::Text, 0), !ContainsSubstring("did not become steady"));
  CHECK_THAT(bench_text({train, train}, TableForm::Text, 0), ContainsSubstring("did not become steady"));
}

TEST_CASE("instruction sets are told by library", "[deploy][bench]") {
  CHECK(InstructionSets{"AVX2", "", false}.text() == "LibTorch AVX2, no VNNI");
  CHECK(InstructionSets{"AVX512", "AVX512_CORE_VNNI", true}.text() == "LibTorch AVX512, oneDNN AVX512_CORE_VNNI, VNNI");
  const InstructionSets here = instruction_sets();
  CHECK_FALSE(here.libtorch.empty());
  CHECK(here.libtorch.find('\n') == std::string::npos);
  CHECK(here.onednn == graph_instruction_set());
}

TEST_CASE("files beside an export carry its whole name, and what they say follows its doors", "[deploy]") {
  const SidecarNames names("net.v2.onnx");
  CHECK(names.preprocess == "net.v2.onnx.preprocess.json");
  CHECK(names.golden == "net.v2.onnx.golden.safetensors");
  CHECK(names.classes == "net.v2.onnx.classes.txt");
  CHECK(names.all().size() == 3);
  ExportSubject subject;
  subject.name = "net";
  subject.weights = "seed 0";
  subject.interface = {{{"input"}}, {{"output"}}};
  subject.samples_from = "random numbers";
  const Json input = {{"name", "input"}, {"dtype", "float32"}, {"shape", {nullptr, 4}}};
  const Json plain = preprocess_json(subject, "net.onnx", input);
  CHECK(plain.at("schema") == 1);
  CHECK(plain.at("input") == input);
  CHECK(plain.at("output") == Json{{"name", "output"}});
  CHECK(plain.at("golden") == Json{{"file", "net.onnx.golden.safetensors"}, {"samples", "random numbers"}});
  CHECK_FALSE(plain.contains("classes"));
  subject.classes = {"cat", "dog"};
  const Json classes = preprocess_json(subject, "net.onnx", input);
  CHECK(classes.at("output").at("meaning") == "logits; softmax gives probabilities");
  CHECK(classes.at("classes") == Json{"cat", "dog"});
  subject.interface = {{{"left"}, {"right"}}, {{"boxes"}, {"scores"}}};
  const Json several = preprocess_json(subject, "net.onnx", Json::array({input, input}));
  CHECK(several.at("inputs").size() == 2);
  CHECK(several.at("outputs") == Json::array({{{"name", "boxes"}}, {{"name", "scores"}}}));
}
