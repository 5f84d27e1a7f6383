// Segmentation from the recipe to the mask that it writes.
#include <torch/types.h>
#include <torch/utils.h>

#include <algorithm>

#include "base/files.h"
#include "data/image/decode.h"
#include "data/image/mask.h"
#include "deploy/bench/bench.h"
#include "deploy/export_session.h"
#include "deploy/onnx/graph.h"
#include "engine/apply/apply_session.h"
#include "engine/apply/predict_session.h"
#include "engine/report/evidence.h"
#include "engine/train/training.h"
#include "quant/quantize_session.h"
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

torch::Tensor read_image(const std::filesystem::path& file) {
  return data::decode_image(read_file(file), file.string());
}
torch::Tensor read_mask(const std::filesystem::path& file) {
  return data::decode_mask(read_file(file), file.string()).values;
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
  CHECK_FALSE(std::filesystem::exists(folder / "out/in_overlay.png"));

  const auto answered = shapes({"task.answer={window: 16, flip: true, overlays: true}"});
  auto other = engine::load(recipes::tasks(), answered, engine::choose_weights(folder / "run", ""));
  request.out = folder / "other";
  REQUIRE(engine::predict_files(other, request).failed.empty());
  const auto drawn = read_image(folder / "other/in_overlay.png"), mask = read_mask(folder / "other/in_mask.png");
  REQUIRE(drawn.sizes() == torch::IntArrayRef({20, 24, 3}));
  REQUIRE(mask.sizes() == torch::IntArrayRef({20, 24}));
  CHECK(drawn.ne(128).any(2).equal(mask.ne(0)));  // the ground has no colour
}

TEST_CASE("a resumed training may answer in another way", "[recipes][segmentation]") {
  const TempDir folder;
  const Quiet quiet;
  train(folder / "run", shapes({"train.epochs=2", "train.max_time=0.001 s"}));
  const auto go_on = [&](const std::string& change) {
    return train(folder / "run", shapes({"train.epochs=2", "train.max_time=null", change}), Resume::Must);
  };
  CHECK(user_error([&] { go_on("task.dice_weight=1"); }).find("task.dice_weight") != std::string::npos);
  CHECK(go_on("task.answer={size: original, flip: true}").state == engine::TrainResult::State::Finished);
}

TEST_CASE("masks are answered in their own size, whatever the model sees", "[recipes][segmentation]") {
  const TempDir folder;
  const Quiet quiet;
  const std::vector<std::string> small = {"train.epochs=1", "data.preprocess=[{name: resize, size: 24}, normalize]"};
  train(folder / "run", shapes(small));
  const auto pixels = [&](const std::string& answer) {
    auto overrides = small;
    overrides.push_back("task.answer=" + answer);
    const auto resolved = shapes(overrides);
    auto loaded = engine::load(recipes::tasks(), resolved, engine::choose_weights(folder / "run", ""));
    std::int64_t sum = 0;
    const auto result = engine::evaluate_loaded(loaded, resolved, {data::Split::Test, false, {}});
    for (const auto& row : result.evaluation.details.at("per_class")) sum += row.at("pixels").get<std::int64_t>();
    return sum;
  };
  CHECK(pixels("{size: model}") == 6 * 24 * 30);
  CHECK(pixels("{size: original}") == 6 * 32 * 40);
  CHECK(pixels("{size: original, window: 16, stride: 8, flip: true}") == 6 * 32 * 40);
  CHECK(user_error([&] {
          const auto cut =
              shapes({"task.answer.size=original", "data.preprocess=[{name: center_crop, size: 24}, normalize]"});
          recipes::tasks().make(cut.recipe.task.kind, engine::TaskRequest{cut.recipe, {}});
        }) ==
        "task.answer.size: is original, and data.preprocess cuts, pads or mirrors images; let it resize alone, or "
        "take size: model");
}

TEST_CASE("a page shows the classes and the worst images of a segmenter", "[recipes][segmentation]") {
  const TempDir folder;
  const Quiet quiet;
  train(folder / "run", shapes({"train.epochs=1", "data.num_classes=4"}));
  const auto evidence = engine::gather_evidence(recipes::tasks(), shapes({"train.epochs=1", "data.num_classes=4"}),
                                                folder / "run", false);
  REQUIRE(evidence.missing.empty());
  REQUIRE(evidence.findings.size() == 3);
  CHECK(evidence.findings[0].title == "Classes");
  CHECK(report::section_body(evidence.findings[0]).find("shape 3") != std::string::npos);
  CHECK(evidence.findings[1].title == "Confusion matrix");
  CHECK(report::section_body(evidence.findings[1]).find("<th class=\"r\">pixels</th>") != std::string::npos);
  const auto& worst = std::get<report::Thumbnails>(evidence.findings[2].exhibits.at(0).content);
  REQUIRE(worst.size() == 6);  // an epoch leaves no image right
  std::vector<double> ious;
  for (const auto& image : worst) ious.push_back(std::stod(image.lines.at(0).substr(4)));
  CHECK(std::is_sorted(ious.begin(), ious.end()));
  CHECK(evidence.data_facts.at(1) == std::pair<std::string, std::string>("classes", "4"));
  CHECK(report::exhibit_csv(evidence.data_exhibits.at(0)) == "split,images\ntrain,24\nval,6\ntest,6\n");
}

TEST_CASE("segmenters are trained and exported without a recipe", "[recipes][segmentation]") {
  const TempDir folder;
  const Quiet quiet;
  const auto resolved = deploy::bench_recipe(recipes::tasks(), recipes::catalogue(), "lraspp_mobilenet_v3_large",
                                             {{"model.num_classes", "3"}}, 2, 64);
  deploy::BenchRequest request;
  request.threads = {1};
  request.latency.seconds = 0.01;
  const auto rows = deploy::bench_training(
      recipes::tasks(), [&](std::int64_t) { return resolved; }, request, [](const auto&) {});
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].height == 64);
  CHECK(rows[0].macs > 0);
  auto subject = deploy::subject_of(recipes::tasks(), recipes::transforms(), "unet",
                                    {{"model.num_classes", "3"}, {"model.width", "4"}}, 0, 2);
  deploy::set_size(subject, 48, 64);
  CHECK(subject.transforms.at(0).name == "segmentation_eval");
  deploy::ExportRequest any{folder / "m.torchscript", "torchscript"};
  any.any_size = true;
  const auto traced = deploy::export_subject(subject, any);
  CHECK(traced.met);
  CHECK(traced.parity.at(0).top1_agreement == 100);
#ifdef MLRUN_WITH_ONNX
  any.file = folder / "m.onnx";
  any.format = "onnx";
  CHECK(deploy::export_subject(subject, any).met);
  const auto shape = *deploy::read_onnx_header(folder / "m.onnx").outputs.at(0).shape;
  CHECK(shape == std::vector<std::int64_t>{-1, 3, -1, -1});
#endif
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
