#include "models/detection/traced/steps.h"

#include <algorithm>

#include <ATen/TracerMode.h>
#include <torch/utils.h>

#include "nn/boxes/kept_operators.h"

namespace mlrun::models {
namespace {

/// 0 to count - 1 (int64), which a trace takes for a constant.
torch::Tensor numbers_up_to(std::int64_t count) {
  const at::tracer::impl::NoTracerDispatchMode constant;
  return torch::arange(count, torch::kLong);
}

Found found_at(const Found& all, const torch::Tensor& rows) {
  return {all.boxes.index_select(0, rows), all.scores.index_select(0, rows), all.labels.index_select(0, rows)};
}

/// Boxes moved apart by class, as torchvision does it; in float64, so that it rounds away nothing.
Found best_by_offset(const Found& all, const TracedHow& how) {
  const std::int64_t step = std::max(how.size.first, how.size.second) + 1;
  torch::Tensor apart = all.boxes.to(torch::kDouble);
  if (!how.settings.agnostic) apart = apart + (all.labels * step).unsqueeze(1);
  const torch::Tensor kept = nn::kept::nms(apart, all.scores.to(torch::kDouble), how.settings.nms_threshold);
  return found_at(all, kept.slice(0, 0, how.settings.detections));
}

/// ONNX suppresses class by class: a box has a score of its own class alone, or all are of one.
Found best_by_class(const Found& all, const TracedHow& how) {
  torch::Tensor scores = all.scores.unsqueeze(0);
  if (!how.settings.agnostic) {
    const torch::Tensor own = all.labels.unsqueeze(0).eq(numbers_up_to(how.classes).unsqueeze(1));
    scores = own.to(all.scores.scalar_type()) * scores;
  }
  const torch::Tensor kept =
      nn::kept::class_nms(all.boxes, scores, how.settings.nms_threshold, /*least=*/0).select(1, 1);
  const torch::Tensor order = best_first(all.scores.index_select(0, kept));
  return found_at(all, kept.index_select(0, order.slice(0, 0, how.settings.detections)));
}

/// Of scores [classes, n] those that are among a class's best, in their places; the others are 0.
torch::Tensor best_of_each(const torch::Tensor& scores, std::int64_t most) {
  if (most >= scores.size(1)) return scores;
  const torch::Tensor least = std::get<0>(scores.topk(most, 1)).slice(1, most - 1, most);
  return scores * scores.ge(least).to(scores.scalar_type());
}

/// Scores [classes, n] over the same boxes are what ONNX's operator takes.
Found best_of_shared_boxes(const torch::Tensor& boxes, const torch::Tensor& scores, const TracedHow& how) {
  const torch::Tensor among = best_of_each(scores, how.settings.candidates);
  const torch::Tensor kept =
      nn::kept::class_nms(boxes, among, how.settings.nms_threshold, how.settings.score_threshold);
  const torch::Tensor label = kept.select(1, 0), row = kept.select(1, 1);
  const torch::Tensor score = among.reshape({-1}).index_select(0, label * scores.size(1) + row);
  const torch::Tensor order = best_first(score).slice(0, 0, how.settings.detections);
  return {boxes.index_select(0, row.index_select(0, order)), score.index_select(0, order),
          label.index_select(0, order) + 1};
}

}  // namespace

torch::Tensor rows_where(const torch::Tensor& mask) { return torch::nonzero(mask).select(1, 0); }

torch::Tensor first_rows(const torch::Tensor& map, std::int64_t columns) {
  const std::int64_t rows = map.size(1) / columns * map.size(2) * map.size(3);
  return map.permute({0, 2, 3, 1}).reshape({-1, rows, columns}).select(0, 0);
}

Found found_where(const Found& all, const torch::Tensor& mask) { return found_at(all, rows_where(mask)); }

Found found_together(const std::vector<Found>& parts) {
  std::vector<torch::Tensor> boxes, scores, labels;
  for (const Found& part : parts) {
    boxes.push_back(part.boxes);
    scores.push_back(part.scores);
    labels.push_back(part.labels);
  }
  return {at::cat(boxes), at::cat(scores), at::cat(labels)};
}

torch::Tensor best_first(const torch::Tensor& scores) {
  return at::argsort(scores, /*stable=*/true, /*dim=*/0, /*descending=*/true);
}

Found traced_best(const Found& all, const TracedHow& how) {
  return how.target == TraceTarget::Onnx ? best_by_class(all, how) : best_by_offset(all, how);
}

Found traced_best_of_classes(const torch::Tensor& boxes, const torch::Tensor& scores, const TracedHow& how) {
  const torch::Tensor by_class = scores.slice(1, 1).t();
  if (how.target == TraceTarget::Onnx && !how.settings.agnostic) return best_of_shared_boxes(boxes, by_class, how);
  const std::int64_t most = std::min(how.settings.candidates, by_class.size(1)), classes = by_class.size(0);
  const auto [best, rows] = by_class.topk(most, 1);
  const torch::Tensor row = rows.reshape({-1}), score = best.reshape({-1});
  const torch::Tensor kept = rows_where(score.gt(how.settings.score_threshold));
  const torch::Tensor labels = [&] {
    const at::tracer::impl::NoTracerDispatchMode constant;
    return torch::arange(1, classes + 1, torch::kLong).repeat_interleave(most);
  }();
  return traced_best(
      {boxes.index_select(0, row.index_select(0, kept)), score.index_select(0, kept), labels.index_select(0, kept)},
      how);
}

}  // namespace mlrun::models
