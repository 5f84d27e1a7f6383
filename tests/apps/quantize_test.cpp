#include "apps/run_mlrun.h"
#include "apps/tiny_run.h"
#include "base/files.h"

namespace mlrun::test {
namespace {

namespace fs = std::filesystem;

double acc1_of(const Json& result) { return result.at("metrics").at("acc1").get<double>(); }

TEST_CASE("`quantize` writes what scores the same in another process", "[apps][quant]") {
  const TempDir folder;
  const TinyRun& tiny = tiny_run();
  const auto made =
      mlrun({"quantize", tiny.run, "--method", "ptq,dynamic", "-o", "int8.safetensors", "--json"}, folder.path());
  const Json result = result_of(made, "quantize", "ok");
  REQUIRE(result.at("rows").size() == 3);
  const Json &plain = result.at("rows")[0], &ptq = result.at("rows")[1], &dynamic = result.at("rows")[2];
  CHECK(plain.at("method") == "fp32");
  CHECK(ptq.at("int8_layers").get<int>() > 5);
  CHECK(ptq.at("float_layers").empty());
  CHECK(ptq.at("noise")[0].at("snr").get<double>() <= ptq.at("noise").back().at("snr").get<double>());
  CHECK(dynamic.at("int8_layers") == 1);
  CHECK_FALSE(dynamic.at("float_layers").empty());
  CHECK(result.at("chosen") == (acc1_of(dynamic) > acc1_of(ptq) ? "dynamic" : "ptq"));
  CHECK(std::distance(fs::directory_iterator(folder.path()), {}) == 1);  // no drafts stay

  const auto after = run_all({{{"eval", "int8.safetensors", "--json"}, folder.path()},
                              {{"eval", tiny.run, "--json"}, folder.path()},
                              {{"quantize", "int8.safetensors", "-o", "twice.safetensors"}, folder.path()},
                              {{"export", "int8.safetensors", "-o", "t/x.torchscript"}, folder.path()},
                              {{"quantize", tiny.run, "-o", "int8.safetensors"}, folder.path()}});
  const Json evaluated = result_of(after[0], "eval", "ok");
  CHECK(evaluated.at("engine") == "int8");
  const Json& chosen = result.at("chosen") == "ptq" ? ptq : dynamic;
  CHECK(evaluated.at("metrics") == chosen.at("metrics"));
  CHECK(result_of(after[1], "eval", "ok").at("metrics") == plain.at("metrics"));
  CHECK(contains(refusal(after[2]), "int8.safetensors: is int8 already; quantize the float weights it is of"));
  CHECK(contains(refusal(after[3]), "t: is no folder; make it first"));
  CHECK(contains(refusal(after[4]), "int8.safetensors: exists already; add --force"));
}

// With as many threads as there are processors: kernels differ by size and number of threads.
TEST_CASE("a model of the tables is calibrated with batches and then takes one image", "[apps][quant]") {
  const TempDir folder;
  folder.write("large.yaml", R"(task: classification
model: {name: mobilenet_v3_large, num_classes: 5}
data:
  format: synthetic
  train_samples: 16
  val_samples: 11
  test_samples: 5
  num_classes: 5
  height: 32
  width: 32
  augment: [normalize]
  preprocess: [normalize]
train: {epochs: 1, batch_size: 8, seed: 0, device: cpu, workers: 0}
)");
  const fs::path here = folder.path();
  const auto made =
      mlrun({"export", "--model", "mobilenet_v3_large", "model.num_classes=5", "-o", "float.safetensors"}, here);
  INFO(made.err);
  REQUIRE(made.code == 0);
  const auto quantized = mlrun(
      {"quantize", "float.safetensors", "-c", "large.yaml", "--method", "ptq", "-o", "int8.safetensors", "--json"},
      here);
  const Json result = result_of(quantized, "quantize", "ok");
  CHECK(result.at("rows")[1].at("int8_layers").get<int>() > 50);
  const auto benched = mlrun({"bench", "int8.safetensors", "--batch", "8,1,3", "--size", "32", "--engine",
                              "eager,torchscript", "--seconds", "0.02", "--quiet", "--json"},
                             here);
  const Json rows = result_of(benched, "bench", "ok");
  CHECK(rows.size() == 6);
  CHECK(contains(rows[0].at("isa").get<std::string>(), "LibTorch "));
}

TEST_CASE("`quantize --method qat` trains on in a run of its own", "[apps][quant]") {
  const TempDir folder;
  const auto made =
      mlrun({"quantize", tiny_run().run, "--method", "qat", "-o", "qat.safetensors", "--json"}, folder.path());
  const Json result = result_of(made, "quantize", "ok");
  CHECK(result.at("chosen") == "qat");
  const fs::path run = folder / "qat.safetensors.qat";
  CHECK(Json::parse(read_file(run / "run.json")).at("state") == "finished");
  CHECK(read_file(run / "metrics.csv").find("val/int8_acc1") != std::string::npos);
  const auto evaluated = mlrun({"eval", "qat.safetensors", "--json"}, folder.path());
  CHECK(result_of(evaluated, "eval", "ok").at("metrics") == result.at("rows")[1].at("metrics"));
  // A run that was trained for int8 is only converted.
  const auto converted =
      mlrun({"quantize", run, "--method", "qat", "-o", "again.safetensors", "--json"}, folder.path());
  CHECK(result_of(converted, "quantize", "ok").at("rows")[1].at("metrics") == result.at("rows")[1].at("metrics"));
  CHECK_FALSE(fs::exists(folder / "again.safetensors.qat"));
}

TEST_CASE("`quantize` refuses what it cannot do", "[apps][quant]") {
  const TempDir folder;
  const TinyRun& tiny = tiny_run();
  const auto outcomes =
      run_all({{{"quantize", tiny.run}, folder.path()},
               {{"quantize", tiny.run, "--method", "magic", "-o", "x.safetensors"}, folder.path()},
               {{"quantize", tiny.run, "quantize.skip=[nothing.*]", "--quiet", "-o", "x.safetensors"}, folder.path()},
               {{"quantize", tiny.run, "quantize.samples=1", "data.train_samples=1", "--quiet", "-o", "x.safetensors"},
                folder.path()},
               {{"quantize", tiny.run, "quantize.engine=abacus", "-o", "x.safetensors"}, folder.path()},
               {{"quantize", tiny.run, "-o", "absent/x.safetensors"}, folder.path()}});
  const std::vector<std::string> texts = {"no output is named; add -o FILE",
                                          "--method: unknown method 'magic'; choose ptq, dynamic or qat",
                                          "nothing.*",
                                          "the samples to calibrate with are all the same",
                                          "quantize.engine",
                                          "absent: is no folder; make it first"};
  for (std::size_t i = 0; i < texts.size(); ++i) {
    INFO(i);
    CHECK(contains(refusal(outcomes[i]), texts[i]));
  }
  CHECK(fs::is_empty(folder.path()));
}

}  // namespace
}  // namespace mlrun::test
