// torchvision's small segmenters in int8, from a training to the file.
#include <algorithm>

#include "engine/train/training.h"
#include "quant/qat_companion.h"
#include "quant/quantize_session.h"

using namespace mlrun;
using test::resolve_text;

namespace {

config::Resolved small(const std::string& model, std::vector<std::string> overrides = {}) {
  overrides.insert(overrides.begin(), "model=" + model);
  return resolve_text(R"(
task: segmentation
model: lraspp_mobilenet_v3_large
data: {format: synthetic_shapes, train_samples: 4, val_samples: 2, test_samples: 2, height: 64, width: 32,
       augment: normalize, preprocess: normalize}
train: {epochs: 1, batch_size: 4, seed: 1, workers: 0, threads: 1, device: cpu}
optimizer: {name: adamw, lr: 1e-3}
)",
                      overrides);
}

quant::QuantizeResult quantized(const std::filesystem::path& run, const config::Resolved& resolved,
                                const std::filesystem::path& out, const std::string& method) {
  quant::QuantizeRequest request;
  request.resolved = resolved;
  request.weights = engine::choose_weights(run, "");
  request.methods = {method};
  request.max_drop = 100;
  request.out = out;
  request.progress = false;
  return quant::quantize(recipes::tasks(), request);
}

}  // namespace

TEST_CASE("convolutions of small segmenters run in int8, and what does not is told", "[recipes][segmentation]") {
  const test::TempDir folder;
  const test::Quiet quiet;
  const std::pair<const char*, std::vector<std::string>> cases[] = {
      {"lraspp_mobilenet_v3_large", {"classifier.interpolate", "interpolate"}},
      {"deeplabv3_mobilenet_v3_large", {"classifier.0.convs.4.interpolate", "classifier.0.concat", "interpolate"}}};
  for (const auto& [model, floats] : cases) {
    INFO(model);
    const auto run = folder / model;
    test::train_in(run, small(model), engine::Resume::Never, recipes::tasks());
    const auto result = quantized(run, small(model), folder / (std::string(model) + ".safetensors"), "ptq");
    CHECK(result.met);
    CHECK(result.headline == "miou");
    REQUIRE(result.rows.size() == 2);
    CHECK(result.rows[1].int8_layers > 100);
    CHECK(result.rows[1].bytes < result.rows[0].bytes / 3);
    CHECK(result.rows[1].evaluation.evaluated == 2);
    std::vector<std::string> found;
    for (const auto& layer : result.rows[1].float_layers) found.push_back(layer.path);
    CHECK(std::is_permutation(found.begin(), found.end(), floats.begin(), floats.end()));
  }
}

TEST_CASE("LR-ASPP trains with the rounding of int8, and becomes a file of it", "[recipes][segmentation]") {
  const test::TempDir folder;
  const test::Quiet quiet;
  const std::string model = "lraspp_mobilenet_v3_large";
  test::train_in(folder / "float", small(model), engine::Resume::Never, recipes::tasks());
  const auto aware = small(model, {"quantize=qat", "model.weights=" + (folder / "float").string()});
  const auto trained =
      test::train_in(folder / "aware", aware, engine::Resume::Never, recipes::tasks(), quant::qat_companion);
  const double expected = trained.summary["metrics"]["test/int8_miou"].get<double>();
  const auto result = quantized(folder / "aware", aware, folder / "int8.safetensors", "qat");
  REQUIRE(result.rows.size() == 2);
  CHECK(result.rows[1].headline.value == Approx(expected).margin(1e-9));
  CHECK(result.rows[1].int8_layers > 100);
}
