#include "metrics/coco/sample_boxes.h"

#include <algorithm>
#include <cmath>
#include <limits>

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

}  // namespace

std::vector<CocoDetection> detections_in(const data::Fields& prediction, const data::Batch& batch, std::int64_t i) {
  const auto at = static_cast<std::size_t>(i);
  const torch::Tensor& boxes = ragged(prediction, "boxes", batch.size())[at];
  const std::int64_t count = boxes.size(0);
  const auto corners = numbers_of<double>(boxes, 4 * count);
  const auto scores = numbers_of<double>(ragged(prediction, "scores", batch.size())[at], count);
  const auto labels = numbers_of<std::int64_t>(ragged(prediction, "labels", batch.size())[at], count);
  std::vector<CocoDetection> found(static_cast<std::size_t>(count));
  for (std::int64_t k = 0; k < count; ++k) {
    CocoDetection& one = found[static_cast<std::size_t>(k)];
    one.category = category_of(labels[static_cast<std::size_t>(k)]);
    one.score = scores[static_cast<std::size_t>(k)];
    one.shape.box = box_at(corners, k);
    one.area = area_of(CocoKind::Boxes, one.shape);
  }
  return found;
}

std::vector<CocoTruth> truths_in(const data::Batch& batch, std::int64_t i) {
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
  for (std::size_t k = 0; k < truths.size(); ++k) {
    CocoTruth& one = truths[k];
    one.category = category_of(labels[k]);
    one.shape.box = truth_at(corners, static_cast<std::int64_t>(k));
    one.area = areas.empty() ? area_of(CocoKind::Boxes, one.shape) : areas[k];
    one.ignored = !difficult.empty() && difficult[k] != 0;
    one.crowd = !crowds.empty() && crowds[k] != 0;
  }
  return truths;
}

}  // namespace mlrun::metrics
