#include "nn/boxes/losses.h"

namespace mlrun::nn {

torch::Tensor sigmoid_focal_loss(const torch::Tensor& logits, const torch::Tensor& targets, double alpha,
                                 double gamma) {
  const torch::Tensor p = at::sigmoid(logits);
  const torch::Tensor entropy = at::binary_cross_entropy_with_logits(logits, targets, {}, {}, at::Reduction::None);
  const torch::Tensor of_truth = p * targets + (1 - p) * (1 - targets);
  const torch::Tensor loss = entropy * (1 - of_truth).pow(gamma);
  return alpha < 0 ? loss : (alpha * targets + (1 - alpha) * (1 - targets)) * loss;
}

torch::Tensor generalized_box_iou_loss(const torch::Tensor& boxes, const torch::Tensor& targets, double eps) {
  const auto a = boxes.unbind(-1), b = targets.unbind(-1);
  const torch::Tensor left = at::max(a[0], b[0]), top = at::max(a[1], b[1]);
  const torch::Tensor right = at::min(a[2], b[2]), bottom = at::min(a[3], b[3]);
  const torch::Tensor meet = (bottom > top).logical_and(right > left);
  const torch::Tensor zero = torch::zeros({}, left.options());
  const torch::Tensor common = at::where(meet, (right - left) * (bottom - top), zero);
  const torch::Tensor both = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - common;
  const torch::Tensor around =
      (at::max(a[2], b[2]) - at::min(a[0], b[0])) * (at::max(a[3], b[3]) - at::min(a[1], b[1]));
  return 1 - (common / (both + eps) - (around - both) / (around + eps));
}

}  // namespace mlrun::nn
