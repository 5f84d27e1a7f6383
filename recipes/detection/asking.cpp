#include "recipes/detection/asking.h"

#include <algorithm>
#include <string>
#include <utility>

#include <torch/utils.h>

#include "base/error.h"
#include "engine/ports.h"
#include "models/detection/transform.h"
#include "recipes/detection/samples.h"

namespace mlrun::detection {

void AnswerSettings::declare(config::Declare<AnswerSettings>& d) {
  using S = AnswerSettings;
  d("score_threshold", &S::score_threshold,
    "boxes of no higher score are left out; null: what the model was published with")
      .min(0)
      .max(1);
  d("nms_threshold", &S::nms_threshold,
    "of two boxes of one class whose intersection over union is higher, the worse is left out; null: as published")
      .min(0)
      .max(1);
  d("detections", &S::detections, "boxes of an image at most; null: as published").min(1);
  d("candidates", &S::candidates, "boxes of a level or a class that suppression looks at, at most; null: as published")
      .min(1);
  d("agnostic_nms", &S::agnostic_nms,
    "suppress boxes of all classes together, so that a place has one class: the best");
  d("shown_score", &S::shown_score,
    "what is drawn and listed for people has at least this score; files and figures have all")
      .min(0)
      .max(1);
  d("keypoint_sigmas", &S::keypoint_sigmas,
    "how far people place each keypoint apart, as shares of the object's size, for `keypoint_ap`; empty: COCO's for "
    "17 keypoints, else 0.05 each")
      .above(0);
  declare_tiles(d);
}

void AnswerSettings::declare_tiles(config::Declare<AnswerSettings>& d) {
  using S = AnswerSettings;
  d("tile", &S::tile,
    "images that are larger are looked at in squares of this side, one after another, so that small objects stay as "
    "large as the model knows them (detections is then of each square); null: whole")
      .min(16)
      .unit("pixels");
  d("tile_overlap", &S::tile_overlap,
    "share of a tile that the next one shows, too; objects of its size lie whole in one")
      .min(0)
      .max(0.9);
  d("tile_merge", &S::tile_merge,
    "of two boxes of one class from different tiles the worse is left out where more than this share of the smaller "
    "lies in the other; a box that a tile's border cuts yields to a whole one")
      .min(0)
      .max(1);
  d("tile_whole", &S::tile_whole, "also look at the whole image, for objects that are larger than a tile");
}

void AnswerSettings::apply(models::DetectionSettings& settings) const {
  settings.score_threshold = score_threshold.value_or(settings.score_threshold);
  settings.nms_threshold = nms_threshold.value_or(settings.nms_threshold);
  settings.detections = detections.value_or(settings.detections);
  settings.candidates = candidates.value_or(settings.candidates);
  settings.agnostic = agnostic_nms;
}

std::vector<Row> rows_of(const Found& found) {
  const torch::Tensor boxes = found.boxes.to(torch::kDouble).contiguous(), scores = found.scores.to(torch::kDouble);
  std::vector<Row> rows;
  for (std::int64_t i = 0; i < boxes.size(0); ++i) {
    const double* sides = boxes.data_ptr<double>() + 4 * i;
    rows.push_back({static_cast<std::size_t>(found.labels[i].item<std::int64_t>()), scores[i].item<double>(), sides[0],
                    sides[1], sides[2], sides[3]});
  }
  return rows;
}

HeadLabels::HeadLabels(std::int64_t outputs, const std::vector<std::int64_t>& categories, std::int64_t classes) {
  const bool counted = outputs == classes + 1;
  const auto fits = [outputs](std::int64_t id) { return id > 0 && id < outputs; };
  if (!counted && (categories.empty() || !std::all_of(categories.begin(), categories.end(), fits))) {
    throw UserError(Problem{"", 0, 0, "model.num_classes",
                            "is " + std::to_string(outputs) + " where the data have " + std::to_string(classes) +
                                (classes == 1 ? " class" : " classes") + " and the background is one more",
                            "leave it out: the model gets as many outputs as it needs"});
  }
  labels_ = counted ? torch::arange(1, classes + 1) : torch::tensor(categories, torch::kLong);
  classes_ = torch::full({outputs}, -1, torch::kLong);
  classes_.index_put_({labels_}, torch::arange(classes));
}

void HeadLabels::keep_classes(Found& found) const {
  found.labels = classes_.index({found.labels});
  const torch::Tensor known = found.labels >= 0;
  if (!known.all().item<bool>()) found = found.rows(known);
}

Found Found::rows(const torch::Tensor& kept) const {
  const auto of = [&kept](const torch::Tensor& all) { return all.defined() ? all.index({kept}) : all; };
  Found some{of(boxes), of(scores), of(labels), of(keypoints), of(masks)};
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    if (kept[static_cast<std::int64_t>(i)].item<bool>()) some.shapes.push_back(shapes[i]);
  }
  return some;
}

torch::Tensor normalised(const torch::Tensor& image, const models::DetectorInput& input) {
  const auto of_channels = [&image](const std::vector<double>& values) {
    const torch::Tensor all = torch::tensor(values, image.options());
    return (all.size(0) == image.size(0) ? all : all.mean().expand(image.size(0))).view({-1, 1, 1});
  };
  return (image - of_channels(input.mean)) / of_channels(input.std);
}

Found detect(models::Detector& model, const torch::Tensor& image) {
  const models::DetectorBatch batch =
      models::prepare({normalised(image, model.input())}, model.input(), {model.input().min_sizes.back()});
  const data::Fields found = engine::run_model(model, {{"image", batch.image}, {"sizes", batch.sizes}});
  const torch::Tensor size = batch.sizes.to(torch::kCPU);
  const std::pair from(size[0][0].item<std::int64_t>(), size[0][1].item<std::int64_t>());
  const std::pair to(image.size(1), image.size(2));
  const auto only = [&found](const char* name) { return list_of(found, name).front(); };
  Found result{models::rescaled_boxes(only("boxes"), from, to).to(torch::kCPU, torch::kFloat),
               only("scores").to(torch::kCPU, torch::kFloat), only("labels").to(torch::kCPU)};
  if (found.has("masks")) result.masks = only("masks").to(torch::kCPU, torch::kFloat);
  if (found.has("keypoints")) {
    result.keypoints = models::rescaled_keypoints(only("keypoints"), from, to).to(torch::kCPU, torch::kFloat);
  }
  return result;
}

}  // namespace mlrun::detection
