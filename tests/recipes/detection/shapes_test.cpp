// Masks and keypoints from the recipe to figures, answers and pictures.
#include <cmath>

#include <torch/types.h>
#include <torch/utils.h>

#include "base/files.h"
#include "data/boxes/mask_runs.h"
#include "data/image/decode.h"
#include "data/sources/synthetic_shapes.h"
#include "engine/apply/apply_session.h"
#include "engine/apply/predict_session.h"
#include "engine/apply/results_session.h"
#include "engine/train/training.h"
#include "metrics/coco/results.h"
#include "recipes/detection/answer.h"
#include "recipes/detection/samples.h"
#include "report/png.h"

namespace mlrun::test {
namespace {

config::Resolved instances(const std::vector<std::string>& overrides = {}) {
  return resolve_text(R"(
task: {name: detection, answer: {score_threshold: 0, detections: 4, shown_score: 0}}
model: {name: maskrcnn_mobile, backbone: mobilenet_v3_small, num_filters: 8, anchor_size: 4, min_size: [64],
        max_size: 64, box_batch_size_per_image: 16, rpn_post_nms_top_n_test: 20, rpn_post_nms_top_n_train: 50}
data: {format: synthetic_instances, train_samples: 4, val_samples: 3, test_samples: 3, shapes: 2,
       augment: detection_train, preprocess: detection_eval}
train: {epochs: 1, batch_size: 2, seed: 1, workers: 0, threads: 1, device: cpu, select: val/mask_ap}
optimizer: {name: adamw, lr: 1e-3}
)",
                      overrides);
}

/// A mask from what JSON answers have.
data::RunLengths runs_in(const Json& segmentation) {
  const auto size = segmentation.at("size").get<std::vector<std::int64_t>>();
  return *data::parse_runs(segmentation.at("counts").get<std::string>(), size[0], size[1]);
}

/// The file of results that `own` came with says the same; boxes alone, without masks, say what they can.
void check_results(const TempDir& folder, const config::Resolved& resolved, const engine::Evaluation& own) {
  const auto task = recipes::tasks().make(resolved.recipe.task.kind, engine::TaskRequest{resolved.recipe, {}});
  const auto evaluated = [&](const std::filesystem::path& file) {
    return engine::evaluate_results(*task, resolved, {file, data::Split::Test, nullptr}).evaluation;
  };
  const auto same = evaluated(folder / "found.json");
  CHECK(same.details.dump() == own.details.dump());
  REQUIRE(same.find("mask_ap50") != nullptr);
  CHECK(same.find("mask_ap50")->value == own.find("mask_ap50")->value);
  Json list = Json::parse(read_file(folder / "found.json"));
  REQUIRE(!list.empty());
  for (Json& one : list) one.erase("segmentation");
  const auto boxes = evaluated(folder.write("boxes.json", json_text(list)));
  CHECK(boxes.find("mask_ap") == nullptr);
  CHECK(boxes.find("ap")->value == own.find("ap")->value);
  for (Json& one : list) one["segmentation"] = {{"size", {1, 2}}, {"counts", {0, 2}}};
  const auto wrong = folder.write("wrong.json", json_text(list));
  CHECK(user_error([&] { evaluated(wrong); }).find(" has 1 x 2 pixels, and the image has ") != std::string::npos);
}

detection::Found people(std::int64_t points) {
  detection::Found found{torch::tensor({{2.F, 2.F, 30.F, 30.F}, {4.F, 6.F, 20.F, 24.F}}), torch::tensor({0.9F, 0.3F}),
                         torch::tensor({0, 0}, torch::kLong)};
  found.keypoints = torch::full({2, points, 3}, 10.0);
  found.keypoints.select(2, 0).copy_(torch::arange(points) + 2);
  found.shapes = {{32, 32, {5, 3, 1016}}, {32, 32, {0, 2, 1022}}};
  return found;
}

}  // namespace

TEST_CASE("a model of masks is evaluated by them and draws them", "[recipes][detection]") {
  const TempDir folder;
  const Quiet quiet;
  const auto resolved = instances();
  const auto trained = train_in(folder / "run", resolved, engine::Resume::Never, recipes::tasks());
  REQUIRE(trained.state == engine::TrainResult::State::Finished);
  for (const char* name : {"test/ap", "test/mask_ap", "test/mask_ap50", "test/mask_ar100"}) {
    CHECK(trained.summary["metrics"].contains(name));
  }
  CHECK(read_file(folder / "run/metrics.csv").find("train/loss_mask") != std::string::npos);
  auto loaded = engine::load(recipes::tasks(), resolved, engine::choose_weights(folder / "run", ""));
  engine::EvalRequest wanted{data::Split::Test, false, {}};
  wanted.results_out = folder / "found.json";
  const auto result = engine::evaluate_loaded(loaded, resolved, wanted);
  CHECK(result.evaluation.details.contains("mask_per_class"));
  CHECK(result.evaluation.details.contains("per_class"));
  check_results(folder, resolved, result.evaluation);

  engine::PredictRequest request;
  const std::vector<std::uint8_t> pixels(3 * 100 * 60, 128);
  request.files = {{folder.write("in.png", report::png(pixels.data(), 100, 60, 3)), "in"}};
  request.out = folder / "out";
  const auto done = engine::predict_files(loaded, request);
  REQUIRE(done.failed.empty());
  const Json& answer = done.done.at(0).answer.json;
  REQUIRE(answer.size() == 4);
  for (const Json& entry : answer) {
    const data::RunLengths mask = runs_in(entry.at("segmentation"));
    CHECK((mask.height == 60 && mask.width == 100));
    const auto box = entry.at("box").get<std::vector<double>>();
    data::for_each_pixel(mask, [&](std::int64_t y, std::int64_t x) {  // half a cell of the mask beyond it at most
      REQUIRE((box[0] - 4 <= x && x <= box[2] + 4 && box[1] - 4 <= y && y <= box[3] + 4));
    });
  }
  CHECK(data::decode_image(read_file(folder / "out/in_boxes.png"), "in_boxes.png").ne(128).any().item<bool>());
}

TEST_CASE("figures of masks are asked of a model that gives them", "[recipes][detection]") {
  const TempDir folder;
  const Quiet quiet;
  int runs = 0;
  const auto refused = [&](const std::vector<std::string>& overrides) {
    return user_error([&] {
      train_in(folder / std::to_string(++runs), instances(overrides), engine::Resume::Never, recipes::tasks());
    });
  };
  CHECK(refused({"model={name: retinanet_mobile, num_filters: 8, min_size: [64], max_size: 64}"})
            .starts_with("train.select: 'val/mask_ap' is not measured during training; choose one of val/ap, "));
  CHECK(refused({"data.format=synthetic_boxes"})
            .starts_with("train.select: 'val/mask_ap' is not measured during training"));
  CHECK(refused({"data.format=synthetic_boxes", "train.select=null"}) ==
        "this model learns masks, and the data have none; choose data with them (of coco: data.masks=true), or a model "
        "of boxes alone");
}

TEST_CASE("a model of keypoints has the number that the data have", "[recipes][detection]") {
  const TempDir folder;
  const Quiet quiet;
  const std::vector<std::uint8_t> pixels(3 * 64 * 48, 90);
  folder.write("images/1.png", report::png(pixels.data(), 64, 48, 3));
  const Json hands = {
      {"images", {{{"id", 1}, {"file_name", "1.png"}, {"height", 48}, {"width", 64}}}},
      {"annotations",
       {{{"id", 1},
         {"image_id", 1},
         {"category_id", 1},
         {"bbox", {4, 4, 30, 20}},
         {"keypoints", {6, 6, 2, 20, 10, 2, 0, 0, 0}}}}},
      {"categories",
       {{{"id", 1}, {"name", "hand"}, {"keypoints", {"wrist", "thumb", "tip"}}, {"skeleton", {{1, 2}, {2, 3}}}}}}};
  folder.write("all.json", json_text(hands));
  const auto made = [&](const std::string& points, const std::string& answer) {
    const auto resolved = resolve_text(
        "task: {name: detection, answer: " + answer +
        "}\nmodel: {name: keypointrcnn_resnet50_fpn, min_size: [64], max_size: 64, num_keypoints: " + points +
        ", rpn_post_nms_top_n_test: 10}\ndata: {format: coco, root: " + folder.path().string() +
        ", train_images: images, train_annotations: all.json, val_annotations: null}\n"
        "train: {epochs: 1, seed: 1}\noptimizer: {name: adamw, lr: 1e-3}\n");
    return recipes::tasks().make(resolved.recipe.task.kind, engine::TaskRequest{resolved.recipe, {}});
  };
  CHECK(user_error([&] { made("17", "{}"); }) ==
        "model.num_keypoints: is 17, and things of the data have 3 keypoints; set it to 3");
  CHECK(user_error([&] { made("3", "{keypoint_sigmas: [0.1]}")->metrics(data::Split::Train); }) ==
        "task.answer.keypoint_sigmas: has 1 numbers for 3 keypoints; give one for each");
  const auto task = made("3", "{score_threshold: 0, detections: 2}");
  const torch::NoGradGuard no_grad;
  nn::Layer& model = *task->models().front().second;
  nn::initialise(model, 0);
  model.eval();
  const data::Batch batch = task->collate({task->evaluation_source(data::Split::Train)->get({0, 0, 0})});
  const data::Fields found = task->predict(batch);
  const torch::Tensor points = detection::list_of(found, "keypoints").front();
  CHECK(points.sizes() == torch::IntArrayRef({detection::list_of(found, "boxes").front().size(0), 3, 3}));
  const auto metrics = task->metrics(data::Split::Train);
  REQUIRE(metrics.size() == 2);
  metrics[1]->update(found, batch);
  CHECK(report::find(metrics[1]->compute(), "keypoint_ap") != nullptr);
}

TEST_CASE("answers have masks as COCO's runs and keypoints, by their rows", "[recipes][detection]") {
  data::DataInfo info;
  info.classes = {"person"};
  const detection::Found found = people(17);
  const auto answer = detection::answer_of(info, found, {}, 0.5);
  REQUIRE(answer.json.size() == 2);
  CHECK(runs_in(answer.json[1].at("segmentation")).counts == std::vector<std::uint32_t>{0, 2, 1022});
  const auto points = answer.json[0].at("keypoints").get<std::vector<double>>();
  REQUIRE(points.size() == 51);
  CHECK((points[0] == 2 && points[3] == 3 && points[4] == 10));
  const auto shape = detection::shape_of(found, 1);
  CHECK((shape.box.x == 4 && shape.box.y == 6 && shape.box.width == 16 && shape.box.height == 18));
  CHECK(shape.mask.counts == found.shapes[1].counts);
  CHECK(shape.keypoints.size() == 51);

  const TempDir folder;
  metrics::CocoResultsFile file(folder / "results.json");
  file.add({3, 1, 0.25, shape}, /*masks=*/true);
  file.commit();
  const auto read = metrics::read_coco_results(read_file(folder / "results.json"), "results.json");
  CHECK((read.boxes && read.masks && read.keypoints));
  CHECK(read.found.at(0).shape.mask.counts == found.shapes[1].counts);

  const detection::Found best = detection::of_score(found, 0.5);
  CHECK(best.shapes.size() == 1);
  CHECK(best.keypoints.size(0) == 1);
  const torch::Tensor picture = torch::zeros({32, 32, 3}, torch::kByte);
  const auto lit = [](const torch::Tensor& image) { return image.any(2).sum().item<std::int64_t>(); };
  detection::Found without = best;
  without.keypoints = torch::Tensor();
  without.shapes.clear();
  const torch::Tensor plain = detection::drawn(info, without, picture, false);
  without.keypoints = best.keypoints;
  CHECK(lit(detection::drawn(info, without, picture, false)) > lit(plain));  // with COCO's lines between them
}

TEST_CASE("made-up shapes have the pixels that their boxes lie around", "[recipes][detection]") {
  data::SyntheticShapesOptions options;
  options.shapes = 3;
  const auto source = data::open_synthetic_instances(options, {})->split(data::Split::Train);
  for (std::int64_t i = 0; i < 10; ++i) {
    const data::Fields targets = source->get({i, 0, 0}).targets;
    const torch::Tensor masks = targets.tensor("masks"), boxes = targets.tensor("boxes");
    CHECK(targets.tensor("area").equal(masks.flatten(1).sum(1).to(torch::kDouble)));
    for (std::int64_t k = 0; k < masks.size(0); ++k) {
      const torch::Tensor rows = masks[k].any(1).nonzero(), columns = masks[k].any(0).nonzero();
      const torch::Tensor around = torch::stack({columns.min(), rows.min(), columns.max() + 1, rows.max() + 1});
      CHECK(boxes[k].to(torch::kLong).equal(around));
    }
  }
}

}  // namespace mlrun::test
