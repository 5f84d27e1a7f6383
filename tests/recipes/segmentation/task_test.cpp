// Segmentation from the recipe to the mask that it writes.
#include <torch/types.h>
#include <torch/utils.h>

#include "deploy/bench/bench.h"
#include "deploy/export_session.h"
#include "engine/apply/apply_session.h"
#include "engine/apply/predict_session.h"
#include "engine/train/training.h"
#include "quant/quantize_session.h"
#include "recipes/segmentation/loss.h"
#include "report/png.h"
#include "well_formed.h"

namespace mlrun::test {
namespace {

using engine::Resume;

config::Resolved shapes(const std::vector<std::string>& overrides = {}) {
  return resolve_text(R"(
task: segmentation
model: {name: unet, width: 8, depth: 2}
data: {format: synthetic_shapes, train_samples: 24, val_samples: 6, test_samples: 6, height: 32, width: 40,
       augment: [random_horizontal_flip, normalize], preprocess: normalize}
train: {epochs: 6, batch_size: 4, seed: 1, workers: 0, threads: 1, device: cpu}
optimizer: {name: adamw, lr: 0.01}
)",
                      overrides);
}

engine::TrainResult train(const std::filesystem::path& run, const config::Resolved& resolved,
                          Resume resume = Resume::Never) {
  return train_in(run, resolved, resume, recipes::tasks());
}

TEST_CASE("segmentation learns shapes, and resumes to the same bits", "[recipes][segmentation]") {
  const TempDir folder;
  const auto trained = train(folder / "whole", shapes());
  REQUIRE(trained.state == engine::TrainResult::State::Finished);
  CHECK(trained.summary["metrics"]["test/miou"].get<double>() > 60);
  CHECK(trained.summary["metrics"]["test/pixel_acc"].get<double>() > 90);
  train(folder / "parts", shapes({"train.max_time=0.001 s"}));
  train(folder / "parts", shapes({"train.max_time=null"}), Resume::Must);
  CHECK(last_file(folder / "whole", "model.safetensors") == last_file(folder / "parts", "model.safetensors"));
}

TEST_CASE("figures of a segmentation do not depend on the batches", "[recipes][segmentation]") {
  const TempDir folder;
  const Quiet quiet;
  train(folder / "run", shapes({"train.epochs=1"}));
  std::vector<double> found;
  for (const char* size : {"1", "4", "6"}) {
    const auto resolved = shapes({std::string("train.eval_batch_size=") + size});
    auto loaded = engine::load(recipes::tasks(), resolved, engine::choose_weights(folder / "run", ""));
    found.push_back(
        engine::evaluate_loaded(loaded, resolved, {data::Split::Test, false, {}}).evaluation.find("miou")->value);
  }
  CHECK(found[0] == Approx(found[1]).epsilon(1e-9));
  CHECK(found[0] == Approx(found[2]).epsilon(1e-9));
}

TEST_CASE("a segmentation's answer is a mask in the size of the file", "[recipes][segmentation]") {
  const TempDir folder;
  const Quiet quiet;
  train(folder / "run", shapes({"train.epochs=1"}));
  auto loaded = engine::load(recipes::tasks(), shapes(), engine::choose_weights(folder / "run", ""));
  const std::vector<std::uint8_t> pixels(3 * 24 * 20, 128);
  engine::PredictRequest request;
  request.files = {{folder.write("in.png", report::png(pixels.data(), 24, 20, 3)), "in"}};
  request.out = folder / "out";
  const auto done = engine::predict_files(loaded, request);
  REQUIRE(done.failed.empty());
  std::int64_t sum = 0;
  for (const auto& entry : done.done.at(0).answer.json) sum += entry.at("pixels").get<std::int64_t>();
  CHECK(sum == 24 * 20);
  CHECK(std::filesystem::exists(folder / "out/in_mask.png"));
}

TEST_CASE("a segmenter is exported, quantized and measured", "[recipes][segmentation]") {
  const TempDir folder;
  const Quiet quiet;
  train(folder / "run", shapes());
  const auto weights = engine::choose_weights(folder / "run", "");
  const auto subject = deploy::subject_of(recipes::tasks(), shapes(), weights, deploy::kGoldenSamples);
  CHECK(deploy::export_subject(subject, {folder / "m.torchscript", "torchscript"}).met);
#ifdef MLRUN_WITH_ONNX
  CHECK(deploy::export_subject(subject, {folder / "m.onnx", "onnx"}).met);
#endif
  quant::QuantizeRequest request;
  request.resolved = shapes();
  request.weights = weights;
  request.methods = {"ptq"};
  request.out = folder / "int8.safetensors";
  request.progress = false;
  const auto quantized = quant::quantize(recipes::tasks(), request);
  CHECK(quantized.headline == "miou");
  CHECK(quantized.rows[1].headline.value > quantized.rows[0].headline.value - 5);
  CHECK(quantized.rows[1].int8_layers > 5);
  deploy::BenchRequest bench;
  bench.threads = {1};
  bench.latency.seconds = 0.01;
  const auto rows =
      deploy::bench_inference(deploy::bench_subject(recipes::tasks(), shapes(), weights, 0), bench, [](const auto&) {});
  CHECK(rows.at(0).macs > 0);
}

TEST_CASE("the loss is a mean over valid pixels, or their weights", "[recipes][segmentation]") {
  torch::manual_seed(0);
  const auto logits = torch::randn({2, 3, 4, 5}, torch::kDouble);
  auto mask = torch::randint(3, {2, 4, 5}, torch::kLong);
  mask[0].fill_(255);
  const auto flat = logits.permute({0, 2, 3, 1}).reshape({-1, 3}).log_softmax(1);
  const auto valid = mask.flatten().ne(255);
  const auto each = -flat.gather(1, (mask.flatten() * valid).unsqueeze(1)).squeeze(1);
  const auto plain = segmentation::pixel_loss(logits, mask, {});
  CHECK(plain.units == 20);
  CHECK(plain.value.item<double>() == Approx((each * valid).sum().item<double>() / 20).epsilon(1e-12));
  segmentation::LossOptions weighted;
  weighted.class_weights = {1, 2, 0.5};
  const auto weight =
      torch::tensor(weighted.class_weights, torch::kDouble).index_select(0, mask.flatten() * valid) * valid;
  const auto found = segmentation::pixel_loss(logits, mask, weighted);
  CHECK(found.units == Approx(weight.sum().item<double>()));
  CHECK(found.value.item<double>() == Approx((each * weight).sum().item<double>() / found.units).epsilon(1e-12));
  const auto none = segmentation::pixel_loss(logits, torch::full_like(mask, 255), {});
  CHECK(none.units == 0);
  CHECK(none.value.item<double>() == 0);
}

TEST_CASE("Dice is 0 where every pixel is right and near 1 where none is", "[recipes][segmentation]") {
  segmentation::LossOptions options;
  options.dice_weight = 1;
  const auto mask = torch::tensor({0, 1, 1, 0}, torch::kLong).view({1, 2, 2});
  const auto sure = torch::one_hot(mask, 2).permute({0, 3, 1, 2}).to(torch::kDouble) * 200 - 100;
  CHECK(segmentation::pixel_loss(sure, mask, options).value.item<double>() == Approx(0).margin(1e-9));
  segmentation::LossOptions plain;
  const auto wrong = sure.flip(1);
  CHECK(segmentation::pixel_loss(wrong, mask, options).value.item<double>() -
            segmentation::pixel_loss(wrong, mask, plain).value.item<double>() ==
        Approx(1).epsilon(1e-6));
}

TEST_CASE("what a segmentation cannot do is said with its place", "[recipes][segmentation]") {
  const auto refused = [](const std::vector<std::string>& overrides) {
    return user_error([&] {
      const auto resolved = shapes(overrides);
      recipes::tasks().make(resolved.recipe.task.kind, engine::TaskRequest{resolved.recipe, {}});
    });
  };
  CHECK(refused({"task={name: segmentation, class_weights: [1, 2]}"}) ==
        "task.class_weights: has 2 values, and the data have 3 classes; give one for each class, in the order of "
        "data.classes");
  CHECK(refused({"model.num_classes=2"}) ==
        "model.num_classes: is 2 where the data have 3 classes; leave it out: the model gets as many outputs as the "
        "data have classes");
}

TEST_CASE("data of another task are refused in words", "[recipes][segmentation]") {
  const auto collated = [](const std::vector<std::string>& overrides) {
    return user_error([&] {
      const auto resolved = shapes(overrides);
      const auto task = recipes::tasks().make(resolved.recipe.task.kind, engine::TaskRequest{resolved.recipe, {}});
      task->collate({task->source(data::Split::Train)->get({0, 0, 0})});
    });
  };
  CHECK(collated({"data={format: synthetic, augment: normalize, preprocess: normalize}"}) ==
        "data.format: sample 0 has no mask, which this task wants; choose a format whose samples have one");
  CHECK(collated({"task=classification", "model=small_cnn", "data.augment=normalize"}).find("no label") !=
        std::string::npos);
}

}  // namespace
}  // namespace mlrun::test
