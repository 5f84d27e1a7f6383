#include "nn/boxes/matcher.h"

#include <algorithm>

namespace mlrun::nn {

torch::Tensor Matcher::operator()(const torch::Tensor& iou) const {
  const auto [value, best] = iou.max(0);
  const torch::Tensor below = value < low_, between = (value >= low_).logical_and(value < high_);
  const torch::Tensor matched = best.masked_fill(below, kBelow).masked_fill(between, kBetween);
  if (!low_quality_) return matched;
  const torch::Tensor highest = std::get<0>(iou.max(1, /*keepdim=*/true));
  return at::where(iou.eq(highest).any(0), best, matched);
}

torch::Tensor match_ssd(const torch::Tensor& iou, double threshold) {
  const torch::Tensor matched = Matcher(threshold, threshold, false)(iou);
  const torch::Tensor best = std::get<1>(iou.max(1, /*keepdim=*/true));  // of each true box
  const torch::Tensor predictions = torch::arange(iou.size(1), best.options());
  const torch::Tensor numbers = torch::arange(1, iou.size(0) + 1, best.options()).unsqueeze(1);
  const torch::Tensor last = std::get<0>((best.eq(predictions) * numbers).max(0)) - 1;
  return at::where(last.ge(0), last, matched);
}

std::pair<torch::Tensor, torch::Tensor> sample_balanced(const torch::Tensor& labels, std::int64_t count,
                                                        double positive_share) {
  const torch::Tensor positive = at::where(labels.ge(1)).front(), negative = at::where(labels.eq(0)).front();
  const auto share = static_cast<std::int64_t>(static_cast<double>(count) * positive_share);
  const std::int64_t positives = std::min(positive.numel(), share);
  const std::int64_t negatives = std::min(negative.numel(), count - positives);
  const auto drawn = [](const torch::Tensor& rows, std::int64_t wanted) {
    const torch::Tensor order = torch::randperm(rows.numel(), rows.options());
    return std::get<0>(rows.index_select(0, order.slice(0, 0, wanted)).sort());
  };
  const torch::Tensor first = drawn(positive, positives);
  return {first, drawn(negative, negatives)};
}

}  // namespace mlrun::nn
