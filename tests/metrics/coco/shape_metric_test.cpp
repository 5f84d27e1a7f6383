// The metrics of masks and keypoints, fed as a task feeds them.
#include <cmath>
#include <string>
#include <vector>

#include <torch/types.h>
#include <torch/utils.h>

#include "data/boxes/mask_runs.h"
#include "metrics/coco/cases.h"
#include "metrics/coco/metric.h"
#include "metrics/coco/result.h"

namespace mlrun::metrics {
namespace {

using Tensors = std::vector<torch::Tensor>;

/// All of an image's detections or truths, in tensors as samples have them.
struct Listed {
  std::vector<float> corners, points;
  std::vector<std::int64_t> labels;
  std::vector<data::RunLengths> masks;

  template <class Item>
  void add(const Item& item) {
    const CocoBox& box = item.shape.box;
    for (const double side : {box.x, box.y, box.x + box.width, box.y + box.height}) {
      corners.push_back(static_cast<float>(side));
    }
    labels.push_back(static_cast<std::int64_t>(item.category));
    for (const double number : item.shape.keypoints) points.push_back(static_cast<float>(number));
    masks.push_back(item.shape.mask);
  }
  std::int64_t size() const { return static_cast<std::int64_t>(labels.size()); }
  torch::Tensor boxes() const { return torch::tensor(corners, torch::kFloat).view({size(), 4}); }
  torch::Tensor classes() const { return torch::tensor(labels, torch::kLong); }
  torch::Tensor keypoints() const {
    return torch::tensor(points, torch::kFloat).view({size(), size() == 0 ? 17 : -1, 3});
  }
  torch::Tensor bitmaps() const {
    if (masks.empty()) return torch::zeros({0, 4, 4}, torch::kByte);
    torch::Tensor all = torch::zeros({size(), masks[0].height, masks[0].width}, torch::kByte);
    for (std::int64_t i = 0; i < size(); ++i) {
      data::for_each_pixel(masks[static_cast<std::size_t>(i)],
                           [&](std::int64_t y, std::int64_t x) { all.accessor<std::uint8_t, 3>()[i][y][x] = 1; });
    }
    return all;
  }
};

/// The images of a case as one batch, and what was found in them.
struct FedShapes {
  data::Fields prediction;
  data::Batch batch;
};

FedShapes feed_shapes(const test::CocoCase& one) {
  FedShapes fed;
  Tensors boxes, labels, scores, masks, points, true_boxes, true_labels, true_masks, true_points, areas, crowds;
  for (const auto image : one.images) {
    Listed found, there;
    std::vector<double> score, area;
    std::vector<std::int64_t> crowd;
    if (one.detections.count(image) > 0) {
      for (const auto& item : one.detections.at(image)) found.add(item), score.push_back(item.score);
    }
    if (one.truths.count(image) > 0) {
      for (const auto& item : one.truths.at(image)) {
        there.add(item), area.push_back(item.area), crowd.push_back(item.crowd ? 1 : 0);
      }
    }
    boxes.push_back(found.boxes()), labels.push_back(found.classes()),
        scores.push_back(torch::tensor(score, torch::kDouble));
    true_boxes.push_back(there.boxes()), true_labels.push_back(there.classes());
    areas.push_back(torch::tensor(area, torch::kDouble));
    crowds.push_back(torch::tensor(crowd, torch::kLong).to(torch::kBool));
    if (one.kind == CocoKind::Masks) {
      masks.push_back(data::packed_runs(found.masks)), true_masks.push_back(there.bitmaps());
    } else {
      points.push_back(found.keypoints()), true_points.push_back(there.keypoints());
    }
    fed.batch.indices.push_back(image);
    fed.batch.ids.push_back(std::to_string(image));
  }
  fed.prediction = {{"boxes", boxes}, {"scores", scores}, {"labels", labels}};
  fed.batch.targets = {{"boxes", true_boxes}, {"labels", true_labels}, {"crowd", crowds}, {"area", areas}};
  if (one.kind == CocoKind::Masks) fed.prediction.set("masks", masks), fed.batch.targets.set("masks", true_masks);
  else fed.prediction.set("keypoints", points), fed.batch.targets.set("keypoints", true_points);
  return fed;
}

std::unique_ptr<Metric> metric_of_shapes(const test::CocoCase& one) {
  std::vector<std::string> classes;
  for (const auto id : one.categories) classes.push_back("c" + std::to_string(id));
  if (one.kind == CocoKind::Masks) return make_coco_masks(classes);
  return make_coco_keypoints(classes, CocoSettings::of(CocoKind::Keypoints).sigmas);
}

}  // namespace

TEST_CASE("the metrics of masks and keypoints give COCO's figures in per cent", "[metrics][coco]") {
  std::size_t looked_at = 0;
  for (const auto& one : test::coco_cases()) {
    if (one.kind == CocoKind::Boxes) continue;
    INFO(one.name);
    const auto metric = metric_of_shapes(one);
    const FedShapes fed = feed_shapes(one);
    metric->update(fed.prediction, fed.batch);
    const auto figures = metric->compute();
    const std::string prefix = one.kind == CocoKind::Masks ? "mask_" : "keypoint_";
    const double tolerance = one.kind == CocoKind::Masks ? 0 : 1e-9;  // points came as float32
    for (const auto& [name, value] : coco_figures(result_of(one.evaluated()))) {
      INFO(name);
      const auto* figure = report::find(figures, prefix + name);
      if (std::isnan(value)) {
        CHECK((figure == nullptr || std::isnan(figure->value)));
        continue;
      }
      REQUIRE(figure != nullptr);
      CHECK(std::abs(figure->value - 100 * value) <= tolerance);
      ++looked_at;
    }
  }
  CHECK(looked_at >= 16);
}

TEST_CASE("what metrics of masks show does not meet what those of boxes show", "[metrics][coco]") {
  const auto& one = test::coco_case_of("masks");
  const auto metric = metric_of_shapes(one);
  const FedShapes fed = feed_shapes(one);
  metric->update(fed.prediction, fed.batch);
  std::string names;
  for (const auto& exhibit : metric->exhibits()) {
    if (std::holds_alternative<report::Remark>(exhibit.content)) continue;
    names += exhibit.name + " ";
    CHECK(exhibit.title.rfind("Masks: ", 0) == 0);
  }
  CHECK(names == "mask_per_class mask_precision_recall mask_errors mask_confusion ");
  CHECK(metric->details().contains("mask_per_class"));
  CHECK_FALSE(metric->details().contains("per_class"));
  data::State state;
  metric->save(state, "m.");
  const auto loaded = metric_of_shapes(one);
  loaded->load(state, "m.");
  CHECK(loaded->details().dump() == metric->details().dump());
}

TEST_CASE("remarks of keypoints name their figures, and truths without points count for nothing", "[metrics][coco]") {
  data::Batch batch;
  batch.ids = {"a"}, batch.indices = {0};
  batch.targets = {{"boxes", Tensors{torch::tensor({{0.F, 0.F, 9.F, 9.F}})}},
                   {"labels", Tensors{torch::tensor({0}, torch::kLong)}},
                   {"keypoints", Tensors{torch::zeros({1, 2, 3})}}};
  const data::Fields found = {{"boxes", Tensors{torch::zeros({0, 4})}},
                              {"scores", Tensors{torch::zeros({0})}},
                              {"labels", Tensors{torch::zeros({0}, torch::kLong)}},
                              {"keypoints", Tensors{torch::zeros({0, 2, 3})}}};
  const auto metric = make_coco_keypoints({"hand"}, {0.05, 0.05});
  metric->update(found, batch);
  CHECK(std::isnan(report::find(metric->compute(), "keypoint_ap")->value));
  const auto last = std::get<report::Remark>(metric->exhibits().back().content);
  CHECK(last.figure == "keypoint_ap");
  CHECK(last.text.rfind("of 1 object 1 are crowds or ignored", 0) == 0);
}

TEST_CASE("a prediction of boxes alone has no figures of masks", "[metrics][coco]") {
  const auto& one = test::coco_case_of("masks");
  const auto metric = metric_of_shapes(one);
  FedShapes fed = feed_shapes(one);
  fed.prediction = {{"boxes", fed.prediction.at("boxes")},
                    {"scores", fed.prediction.at("scores")},
                    {"labels", fed.prediction.at("labels")}};
  metric->update(fed.prediction, fed.batch);
  CHECK(metric->compute().empty());
  CHECK(metric->exhibits().empty());
  CHECK(metric->details().empty());
}

}  // namespace mlrun::metrics
