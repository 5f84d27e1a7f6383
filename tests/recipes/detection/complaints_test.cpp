// What users of detectors complain of most, and cannot happen here. The threads are those of torchvision, Detectron2,
// MMDetection, Ultralytics and COCO's API. What has its test beside the code it is about:
//   figures unlike pycocotools'             metrics/coco/evaluation_test.cpp, metric_test.cpp (areas, ignored, float32)
//   boxes of images that EXIF turns         data/sources/boxed/coco_detection_test.cpp
//   instances without masks vanish          the same
//   AP that depends on the batch size, a training that is resumed    task_test.cpp
//   images counted twice by several processes                        metrics/coco/evaluation_test.cpp
//   memory of an evaluation                 the same ("detections beyond the most of a class are not kept")
#ifdef MLRUN_WITH_OPENCV

#include <cmath>
#include <numeric>

#include <torch/types.h>
#include <torch/utils.h>

#include "base/files.h"
#include "data/boxes.h"
#include "data/masks.h"
#include "engine/apply/apply_session.h"
#include "engine/train/training.h"
#include "models/named_model.h"
#include "nn/boxes/nms.h"
#include "recipes/detection/known_classes.h"
#include "recipes/detection/samples.h"
#include "weights/safetensors.h"

namespace mlrun::test {
namespace {

Json with(Json annotation, const std::string& key, const Json& value) {
  annotation[key] = value;
  return annotation;
}

/// Images of 48 x 40 pixels, numbered from 1, all of one split, and the annotations of another, which has one object.
struct Photos : TempDir {
  explicit Photos(std::int64_t images = 2) {
    for (std::int64_t i = 1; i <= images + 1; ++i) {
      std::vector<std::uint8_t> pixels(48 * 40);
      for (std::size_t k = 0; k < pixels.size(); ++k) pixels[k] = static_cast<std::uint8_t>(k * (7 + 3 * i) % 251);
      write("images/" + std::to_string(i) + ".png", grey_png(pixels, 48));
      if (i <= images) list.push_back(image(i));
    }
    Json held = coco({coco_box(1, images + 1, 1, {8, 6, 30, 28})});
    held["images"] = Json::array({image(images + 1)});
    write("val.json", json_text(held));
  }

  static Json image(std::int64_t id) {
    return {{"id", id}, {"file_name", std::to_string(id) + ".png"}, {"height", 40}, {"width", 48}};
  }
  Json coco(const Json& annotations) const {
    const Json all = annotations.is_object() ? Json::array({annotations}) : annotations;
    return {{"images", list},
            {"annotations", all},
            {"categories", {{{"id", 1}, {"name", "cat"}}, {{"id", 2}, {"name", "dog"}}}}};
  }
  void annotate(const Json& content) const { write("train.json", json_text(content)); }

  config::Resolved recipe(const std::vector<std::string>& overrides = {}) const {
    return resolve_text(
        "task: detection\n"
        "model: {name: retinanet_mobile, num_filters: 8, num_convs: 1, min_size: [64], max_size: 80}\n"
        "data: {format: coco, root: " +
            path().string() +
            ", train_images: images, val_images: images, train_annotations: train.json, "
            "val_annotations: val.json, augment: detection_eval, preprocess: detection_eval}\n"
            "train: {epochs: 1, batch_size: 2, seed: 1, workers: 0, threads: 1, device: cpu}\n"
            "optimizer: {name: sgd, lr: 1e-3}\n",
        overrides);
  }
  std::unique_ptr<engine::Task> task(const std::vector<std::string>& overrides = {}) const {
    const config::Resolved resolved = recipe(overrides);
    return recipes::tasks().make(resolved.recipe.task.kind, engine::TaskRequest{resolved.recipe, {}});
  }
  /// The weights after one epoch.
  weights::NamedTensors learnt(const std::string& run) const {
    train_in(*this / run, recipe());
    return weights::read_safetensors(*this / run / "checkpoints/last/model.safetensors").tensors;
  }
  std::string refused(const std::vector<std::string>& overrides = {}) const {
    return user_error([&] { task(overrides); });
  }

  Json list = Json::array();
};

bool all_finite(const weights::NamedTensors& tensors) {
  return std::all_of(tensors.begin(), tensors.end(),
                     [](const auto& item) { return at::isfinite(item.second).all().template item<bool>(); });
}

bool same(const weights::NamedTensors& a, const weights::NamedTensors& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& one, const auto& other) {
    return one.first == other.first && one.second.equal(other.second);
  });
}

}  // namespace

// vision 997, 2235, 2240, 2740: losses become NaN.
TEST_CASE("a box without area is named before training, or left out of it", "[recipes][detection][complaints]") {
  const Photos photos;
  const Json good = coco_box(1, 1, 1, {4, 4, 20, 20}), flat = coco_box(7, 1, 2, {9, 9, 10, 0});
  photos.annotate(photos.coco({good, flat}));
  CHECK(photos.refused() == (photos / "train.json").string() +
                                ": annotation 7 has a box without area, 9,9 to 19,9; mend or remove it, or set "
                                "data.degenerate: drop");
  const auto task = photos.task({"data.degenerate=drop"});
  CHECK(task->source(data::Split::Train)->get({0, 0, 0}).targets.tensor("boxes").size(0) == 1);
  // One whose sides float32 takes for one another once the image is resized, and one of a hundredth of a pixel.
  photos.annotate(photos.coco({coco_box(1, 1, 1, {12.5, 4, 1e-6, 20}), coco_box(2, 2, 2, {4, 4, 0.01, 0.01})}));
  CHECK(photos.task()->source(data::Split::Train)->get({0, 0, 0}).targets.tensor("boxes").size(0) == 1);
  CHECK(all_finite(photos.learnt("thin")));
}

// The same threads: Python writes NaN into JSON.
TEST_CASE("numbers that are none are found where they stand", "[recipes][detection][complaints]") {
  const Photos photos;
  const std::string text = json_text(photos.coco(coco_box(5, 1, 1, {4, 4, 20, 20})));
  const auto at = text.find("20");
  for (const char* value : {"NaN", "Infinity", "1e999"}) {
    INFO(value);
    photos.write("train.json", text.substr(0, at) + value + text.substr(at + 2));
    const std::string refused = photos.refused();
    CHECK(refused.rfind((photos / "train.json").string() + ":", 0) == 0);
    CHECK(refused.find('\n') == std::string::npos);
  }
}

// vision 1598, 2144, detectron2 80, 4082.
TEST_CASE("images without objects are learnt from and evaluated, also where a step has none",
          "[recipes][detection][complaints]") {
  const Photos photos(4);
  photos.annotate(photos.coco(coco_box(1, 2, 1, {4, 4, 20, 20})));
  const auto run = photos / "run";
  const auto trained = train_in(run, photos.recipe());
  CHECK(trained.state == engine::TrainResult::State::Finished);
  CHECK(all_finite(weights::read_safetensors(run / "checkpoints/last/model.safetensors").tensors));
  Json nothing = photos.coco(Json::array());
  nothing["images"] = Json::array({Photos::image(5)});
  photos.write("val.json", json_text(nothing));
  const Quiet quiet;
  auto loaded = engine::load(recipes::tasks(), photos.recipe(), engine::choose_weights(run, ""));
  const auto result = engine::evaluate_loaded(loaded, photos.recipe(), {data::Split::Val, false, {}});
  CHECK(result.evaluation.evaluated == 1);
  CHECK(std::isnan(result.evaluation.find("ap")->value));  // there is nothing to find, which is no 0 and no -1
}

// detectron2 5097, 1731, 2213, 1531, detr 444, fiftyone 1696, rf-detr 413, 712.
TEST_CASE("numbers of categories may begin at 0 or 1, have gaps and stand in any order",
          "[recipes][detection][complaints]") {
  const Photos photos;
  weights::NamedTensors first;
  for (const auto& [cat, dog] : {std::pair(1, 2), std::pair(0, 1), std::pair(17, 90)}) {
    INFO(cat << " " << dog);
    Json content = photos.coco({coco_box(1, 1, dog, {4, 4, 20, 20}), coco_box(2, 2, cat, {9, 3, 30, 30})});
    content["categories"] = {{{"id", dog}, {"name", "dog"}}, {{"id", cat}, {"name", "cat"}}};
    photos.annotate(content);
    Json held = content;
    held["annotations"] = Json::array();
    held["images"] = Json::array({Photos::image(3)});
    photos.write("val.json", json_text(held));
    const auto task = photos.task();
    CHECK(task->data().classes == std::vector<std::string>{"cat", "dog"});
    CHECK(task->data().facts.at("category_ids") == Json({cat, dog}));
    CHECK(task->source(data::Split::Train)->get({0, 0, 0}).targets.tensor("labels").item<std::int64_t>() == 1);
    const auto tensors = photos.learnt("run" + std::to_string(cat));
    if (first.empty()) first = tensors;
    CHECK(same(first, tensors));
  }
}

// The same threads: 80 classes, 90 categories and 91 outputs.
TEST_CASE("published weights know the data's classes by their names, or are refused",
          "[recipes][detection][complaints]") {
  const auto section = [](const std::string& more) {
    return resolve_text("task: detection\nmodel: {name: fasterrcnn_mobilenet_v3_large_320_fpn, weights: COCO_V1" +
                        more + "}\ndata: {format: synthetic_boxes}\noptimizer: sgd\n")
        .recipe.model;
  };
  data::DataInfo info;
  info.classes = {"person", "toothbrush", "stop sign"};
  info.facts["category_ids"] = {1, 2, 3};  // one after another, as YOLO's
  const auto known = detection::known_classes(section(""), info);
  CHECK(known.categories == std::vector<std::int64_t>{1, 90, 13});
  CHECK(models::integer_option(known.architecture, "num_classes") == 91);
  info.classes = {"person", "ace"};
  CHECK(user_error([&] { detection::known_classes(section(""), info); }) ==
        "model.weights.file: fasterrcnn_mobilenet_v3_large_320_fpn/COCO_V1 knows no 'ace', which is a class of the "
        "data; set model.head: reinit, which starts the last layer anew");
  info.classes.emplace_back("N/A");
  info.classes.erase(info.classes.begin() + 1);
  CHECK_THROWS_AS(detection::known_classes(section(""), info), UserError);
  const auto anew = detection::known_classes(section(", head: reinit"), info);
  CHECK_FALSE(models::integer_option(anew.architecture, "num_classes"));
  CHECK(anew.categories == std::vector<std::int64_t>{1, 2, 3});
}

// ppwwyyxx/cocoapi 32, detectron2 946, cocoapi 374, coco-manager 1.
TEST_CASE("keys that COCO's files often lack are not needed, and those that are needed are named",
          "[recipes][detection][complaints]") {
  const Photos photos;
  Json content = photos.coco(Json::array({{{"image_id", 1}, {"category_id", 2}, {"bbox", {4, 4, 20, 20}}}}));
  for (Json& image : content["images"]) image.erase("height"), image.erase("width");
  photos.annotate(content);
  const auto targets = photos.task()->source(data::Split::Train)->get({0, 0, 0}).targets;
  CHECK(targets.tensor("area").item<double>() == 400);
  CHECK_FALSE(targets.tensor("crowd").item<bool>());
  const std::string hint = "; it is an object with the lists images, annotations and categories";
  for (const char* list : {"images", "categories"}) {
    Json lacking = content;
    lacking.erase(list);
    photos.annotate(lacking);
    CHECK(photos.refused() == (photos / "train.json").string() + ": has no " + list + hint);
  }
  content["annotations"][0].erase("category_id");
  photos.annotate(content);
  CHECK(photos.refused() ==
        (photos / "train.json").string() + ": annotation 0 has no image_id or category_id; give it both");
}

// maskscoring 96, mmdetection 8604, 9023, mmpose 1524.
TEST_CASE("an evaluation says why its figures are 0 or absent", "[recipes][detection][complaints]") {
  const Photos photos;
  photos.annotate(photos.coco(coco_box(1, 1, 1, {4, 4, 20, 20})));
  train_in(photos / "run", photos.recipe());
  const Quiet quiet;
  const auto resolved = photos.recipe({"task.answer.score_threshold=1"});
  auto loaded = engine::load(recipes::tasks(), resolved, engine::choose_weights(photos / "run", ""));
  const auto result = engine::evaluate_loaded(loaded, resolved, {data::Split::Val, false, {}});
  CHECK(result.evaluation.find("ap")->value == 0);
  CHECK(result.evaluation.find("ap_large") == nullptr);
  std::string remarks;
  for (const auto& exhibit : result.evaluation.exhibits) {
    if (const auto* remark = std::get_if<report::Remark>(&exhibit.content)) remarks += remark->text + "\n";
  }
  CHECK(remarks.find("0: nothing was detected; a lower score threshold may find more") != std::string::npos);
  CHECK(remarks.find("no object that counts has 9216 to") != std::string::npos);
}

// cocoapi 123, 322, 466, sam3 585.
TEST_CASE("crowds teach nothing, and `ignore` in a file is not heeded, as COCO's API has it",
          "[recipes][detection][complaints]") {
  const Photos photos;
  const Json one = coco_box(1, 1, 1, {4, 4, 20, 20}), other = coco_box(2, 2, 2, {9, 3, 30, 30});
  photos.annotate(photos.coco({one, other}));
  const auto plain = photos.learnt("plain");
  photos.annotate(photos.coco({one, with(other, "ignore", 1), with(coco_box(3, 1, 2, {0, 0, 40, 40}), "iscrowd", 1)}));
  CHECK(same(plain, photos.learnt("crowd")));
  photos.annotate(photos.coco({one, other, coco_box(3, 1, 2, {0, 0, 40, 40})}));
  CHECK_FALSE(same(plain, photos.learnt("object")));
}

// ultralytics 26269, 10419, 14285, 24685: another preparation at prediction than at evaluation.
TEST_CASE("a file is asked as an evaluation asks its image", "[recipes][detection][complaints]") {
  const Photos photos;
  photos.annotate(photos.coco(coco_box(1, 1, 1, {4, 4, 20, 20})));
  train_in(photos / "run", photos.recipe());
  const Quiet quiet;
  const auto resolved = photos.recipe({"task.answer={score_threshold: 0, detections: 9}", "data.exif=ignore"});
  const auto loaded = engine::load(recipes::tasks(), resolved, engine::choose_weights(photos / "run", ""));
  engine::Task& task = *loaded.task;
  const torch::NoGradGuard no_grad;
  const auto found = [&task](data::Sample sample) { return task.predict(task.collate({std::move(sample)})); };
  const auto evaluated = found(task.evaluation_source(data::Split::Val)->get({0, 0, 0}));
  data::Sample file = task.read(photos / "images/3.png");
  file.targets.set("boxes", torch::zeros({0, 4}));
  const auto asked = found(std::move(file));
  for (const char* name : {"boxes", "scores", "labels"}) {
    INFO(name);
    const auto& expected = detection::list_of(evaluated, name).front();
    CHECK(expected.size(0) == 9);
    CHECK(detection::list_of(asked, name).front().equal(expected));
  }
}

// yolov5 7796, 13702, ultralytics 14585, MegaDetector 74: a time limit of suppression drops boxes and says nothing.
TEST_CASE("suppression takes the time that it needs and keeps every box that stands alone",
          "[recipes][detection][complaints]") {
  constexpr std::int64_t kSide = 130, kBoxes = kSide * kSide;
  const torch::Tensor all = torch::arange(kBoxes);
  const torch::Tensor left = all.remainder(kSide).to(torch::kFloat) * 10, top = all.div(kSide, "floor") * 10;
  const torch::Tensor boxes = torch::stack({left, top, left + 9, top + 9}, 1);
  const torch::Tensor kept = nn::nms(boxes, torch::linspace(1, 0, kBoxes), 0.5);
  CHECK(kept.equal(all));
  CHECK(nn::nms(torch::cat({boxes, boxes + 0.5}), torch::linspace(1, 0, 2 * kBoxes), 0.5).equal(all));
}

}  // namespace mlrun::test

#endif
