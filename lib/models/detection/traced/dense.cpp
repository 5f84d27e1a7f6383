#include "models/detection/traced/dense.h"

#include <algorithm>

#include <ATen/TracerMode.h>
#include <torch/utils.h>

#include "nn/boxes/box_coder.h"
#include "nn/boxes/box_ops.h"

namespace mlrun::models {
namespace {

/// Boxes [n, 4] in the image, from codes [n, 4] against anchors.
torch::Tensor decoded(const DenseMeaning& meaning, const torch::Tensor& codes, const torch::Tensor& anchors,
                      const ImageSize& size) {
  const torch::Tensor boxes = meaning.distances ? nn::LinearBoxCoder().decode(codes, anchors)
                                                : nn::BoxCoder(meaning.weights).decode(codes, anchors);
  return nn::clip_boxes(boxes, size.first, size.second);
}

/// Of one map: rows of its anchors, in the order of these.
struct TracedLevel {
  torch::Tensor logits, codes, centres, anchors;
};

/// The best of a level's classes and anchors. A sigmoid keeps the order of logits, so few of them need one.
Found best_of_traced_level(const TracedLevel& level, const DenseMeaning& meaning, const TracedHow& how) {
  const bool roots = meaning.score == DenseMeaning::Score::SigmoidAndCentre;
  const torch::Tensor values =
      (roots ? at::sqrt(at::sigmoid(level.logits) * at::sigmoid(level.centres)) : level.logits).reshape({-1});
  const auto [best, places] = values.topk(std::min(how.settings.candidates, values.numel()));
  const torch::Tensor scores = roots ? best : at::sigmoid(best);
  const torch::Tensor kept = rows_where(scores.gt(how.settings.score_threshold));
  const torch::Tensor place = places.index_select(0, kept), anchor = at::div(place, meaning.classes, "floor");
  const torch::Tensor boxes =
      decoded(meaning, level.codes.index_select(0, anchor), level.anchors.index_select(0, anchor), how.size);
  return {boxes, scores.index_select(0, kept), place.remainder(meaning.classes)};
}

}  // namespace

Found traced_found(DenseDetector& detector, const nn::Tensors& outputs, const torch::Tensor& images,
                   TraceTarget target) {
  const DenseMeaning meaning = detector.meaning();
  const TracedHow how{target, detector.settings(), meaning.classes, {images.size(2), images.size(3)}};
  const DenseDetector::Outputs maps = detector.by_kind(outputs);
  const torch::Tensor anchors = [&] {
    const at::tracer::impl::NoTracerDispatchMode constant;
    return detector.anchors(maps.logits, how.size.first, how.size.second).contiguous();
  }();
  std::vector<TracedLevel> levels;
  std::int64_t begin = 0;
  for (std::size_t i = 0; i < maps.logits.size(); ++i) {
    TracedLevel level{first_rows(maps.logits[i], meaning.classes), first_rows(maps.codes[i], 4), {}, {}};
    if (!maps.centres.empty()) level.centres = first_rows(maps.centres[i], 1);
    const at::tracer::impl::NoTracerDispatchMode constant;
    level.anchors = anchors.narrow(0, begin, level.logits.size(0)).clone();  // a file would hold all of them
    begin += level.logits.size(0);
    levels.push_back(std::move(level));
  }
  std::vector<torch::Tensor> logits, codes;
  std::vector<Found> parts;
  for (const TracedLevel& level : levels) {
    logits.push_back(level.logits);
    codes.push_back(level.codes);
    if (meaning.score != DenseMeaning::Score::Softmax) parts.push_back(best_of_traced_level(level, meaning, how));
  }
  if (!parts.empty()) return traced_best(found_together(parts), how);
  const torch::Tensor boxes = decoded(meaning, at::cat(codes), anchors, how.size);
  return traced_best_of_classes(boxes, at::softmax(at::cat(logits), -1), how);
}

}  // namespace mlrun::models
