#include "metrics/coco/sample_boxes.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "data/boxes/mask_runs.h"

namespace mlrun::metrics {
namespace {

/// The ragged list `name`, one tensor for each of `count` samples, on the CPU.
const std::vector<torch::Tensor>& ragged(const data::Fields& fields, const std::string& name, std::int64_t count) {
  const auto* list = std::get_if<std::vector<torch::Tensor>>(&fields.at(name));
  MLRUN_ASSERT(list != nullptr, "the field '" + name + "' is no list");
  MLRUN_ASSERT(static_cast<std::int64_t>(list->size()) == count, "the field '" + name + "' has not one item a sample");
  return *list;
}

/// From two corners.
CocoBox box_at(const std::vector<double>& corners, std::int64_t i) {
  const double* corner = corners.data() + 4 * i;
  return {corner[0], corner[1], corner[2] - corner[0], corner[3] - corner[1]};
}

/// From x, y, width and height.
CocoBox sides_at(const std::vector<double>& sides, std::int64_t i) {
  const double* side = sides.data() + 4 * i;
  return {side[0], side[1], side[2], side[3]};
}

/// The annotation's own number, where float32 lost no more than its last digits: it has three decimals at most.
double restored(double value, double farthest) {
  const double round = std::round(value * 1000) / 1000;
  return std::abs(value - round) <= farthest * std::numeric_limits<float>::epsilon() ? round : value;
}

/// The same of a truth, so that overlaps at a threshold are on the side on which the annotations have them.
CocoBox truth_at(const std::vector<double>& corners, std::int64_t i) {
  const CocoBox box = box_at(corners, i);
  const auto* corner = corners.data() + 4 * i;
  const double farthest =
      std::abs(*std::max_element(corner, corner + 4, [](double a, double b) { return std::abs(a) < std::abs(b); }));
  return {restored(box.x, farthest), restored(box.y, farthest), restored(box.width, farthest),
          restored(box.height, farthest)};
}

/// Nothing, which no class is, for what is below 0.
std::size_t category_of(std::int64_t label) { return static_cast<std::size_t>(label); }

/// Gives each of `items` its mask.
template <class Item>
void take_masks(std::vector<Item>& items, std::vector<data::RunLengths> masks) {
  MLRUN_ASSERT(masks.size() == items.size(), "masks and boxes of a sample are not of one number");
  for (std::size_t k = 0; k < items.size(); ++k) items[k].shape.mask = std::move(masks[k]);
}

/// Gives each of `items` its keypoints, float [n, K, 3].
template <class Item>
void take_keypoints(std::vector<Item>& items, const torch::Tensor& keypoints) {
  MLRUN_ASSERT(keypoints.size(0) == static_cast<std::int64_t>(items.size()),
               "keypoints and boxes of a sample are not of one number");
  const auto numbers = numbers_of<double>(keypoints, keypoints.numel());
  const auto each = static_cast<std::ptrdiff_t>(items.empty() ? 0 : numbers.size() / items.size());
  auto first = numbers.begin();
  for (Item& item : items) {
    item.shape.keypoints.assign(first, first + each);
    first += each;
  }
}

/// Nobody can find the points of a thing that has none.
bool nothing_marked(const CocoShape& shape) {
  for (std::size_t i = 2; i < shape.keypoints.size(); i += 3) {
    if (shape.keypoints[i] > 0) return false;
  }
  return true;
}

}  // namespace

std::vector<CocoDetection> detections_in(const data::Fields& prediction, const data::Batch& batch, std::int64_t i,
                                         CocoKind kind) {
  const auto at = static_cast<std::size_t>(i);
  const torch::Tensor& boxes = ragged(prediction, "boxes", batch.size())[at];
  const std::int64_t count = boxes.size(0);
  const auto corners = numbers_of<double>(boxes, 4 * count);
  const auto scores = numbers_of<double>(ragged(prediction, "scores", batch.size())[at], count);
  const auto labels = numbers_of<std::int64_t>(ragged(prediction, "labels", batch.size())[at], count);
  std::vector<double> plain;
  if (prediction.has("xywh")) plain = numbers_of<double>(ragged(prediction, "xywh", batch.size())[at], 4 * count);
  std::vector<CocoDetection> found(static_cast<std::size_t>(count));
  for (std::int64_t k = 0; k < count; ++k) {
    CocoDetection& one = found[static_cast<std::size_t>(k)];
    one.category = category_of(labels[static_cast<std::size_t>(k)]);
    one.score = scores[static_cast<std::size_t>(k)];
    one.shape.box = plain.empty() ? box_at(corners, k) : sides_at(plain, k);
  }
  if (kind == CocoKind::Masks) {
    take_masks(found, data::unpacked_runs(ragged(prediction, "masks", batch.size())[at]));
  }
  if (kind == CocoKind::Keypoints) take_keypoints(found, ragged(prediction, "keypoints", batch.size())[at]);
  for (CocoDetection& one : found) one.area = area_of(kind, one.shape);
  return found;
}

std::vector<CocoTruth> truths_in(const data::Batch& batch, std::int64_t i, CocoKind kind) {
  const auto at = static_cast<std::size_t>(i);
  const torch::Tensor& boxes = ragged(batch.targets, "boxes", batch.size())[at];
  const std::int64_t count = boxes.size(0);
  const auto corners = numbers_of<double>(boxes, 4 * count);
  const auto labels = numbers_of<std::int64_t>(ragged(batch.targets, "labels", batch.size())[at], count);
  std::vector<double> areas;
  std::vector<std::int64_t> crowds, difficult;
  if (batch.targets.has("area")) areas = numbers_of<double>(ragged(batch.targets, "area", batch.size())[at], count);
  if (batch.targets.has("crowd")) {
    crowds = numbers_of<std::int64_t>(ragged(batch.targets, "crowd", batch.size())[at], count);
  }
  if (batch.targets.has("difficult")) {
    difficult = numbers_of<std::int64_t>(ragged(batch.targets, "difficult", batch.size())[at], count);
  }
  std::vector<CocoTruth> truths(static_cast<std::size_t>(count));
  if (kind == CocoKind::Masks) {
    take_masks(truths, data::runs_of_masks(ragged(batch.targets, "masks", batch.size())[at]));
  }
  if (kind == CocoKind::Keypoints) take_keypoints(truths, ragged(batch.targets, "keypoints", batch.size())[at]);
  for (std::size_t k = 0; k < truths.size(); ++k) {
    CocoTruth& one = truths[k];
    one.category = category_of(labels[k]);
    one.shape.box = truth_at(corners, static_cast<std::int64_t>(k));
    one.area = areas.empty() ? area_of(kind, one.shape) : areas[k];
    one.ignored =
        (!difficult.empty() && difficult[k] != 0) || (kind == CocoKind::Keypoints && nothing_marked(one.shape));
    one.crowd = !crowds.empty() && crowds[k] != 0;
  }
  return truths;
}

}  // namespace mlrun::metrics
