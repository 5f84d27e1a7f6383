#include "recipes/segmentation/loss.h"

#include <torch/types.h>
#include <torch/utils.h>

#include "data/sources/segmentation_folder.h"

namespace mlrun::segmentation {
namespace {

/// 1 - the mean over classes of Dice's coefficient (Milletari et al., "V-Net", 3DV 2016), of softmax over valid pixels.
torch::Tensor dice(const torch::Tensor& logits, const torch::Tensor& mask) {
  const torch::Tensor valid = mask.ne(data::kIgnored).unsqueeze(1);
  const torch::Tensor shares = logits.softmax(1) * valid;
  const torch::Tensor classes = torch::arange(logits.size(1), mask.options()).view({1, -1, 1, 1});
  const torch::Tensor truth = mask.unsqueeze(1).eq(classes).to(logits.scalar_type());
  const torch::Tensor both = (shares * truth).sum({0, 2, 3}), all = (shares + truth).sum({0, 2, 3});
  return 1 - (2 * both / all.clamp_min(1e-7)).mean();
}

}  // namespace

void LossOptions::declare(config::Declare<LossOptions>& d) {
  d("class_weights", &LossOptions::class_weights, "weight of each class in the cross-entropy; empty: all the same")
      .min(0);
  d("dice_weight", &LossOptions::dice_weight, "weight of Dice's loss beside the cross-entropy").min(0);
  d("aux_weight", &LossOptions::aux_weight, "weight of the second head's loss, of models that have one").min(0);
}

PixelLoss pixel_loss(const torch::Tensor& logits, const torch::Tensor& mask, const LossOptions& options) {
  const torch::Tensor valid = mask.ne(data::kIgnored);
  torch::Tensor weights;
  double units = valid.sum().item<double>();
  if (!options.class_weights.empty()) {
    weights = torch::tensor(options.class_weights, logits.options());
    const torch::Tensor of_pixels = weights.index_select(0, (mask * valid).flatten()).view(mask.sizes());
    units = (of_pixels * valid).sum().item<double>();
  }
  if (units == 0) return {(logits * 0).sum(), 0};
  torch::Tensor loss = at::cross_entropy_loss(logits, mask, weights, at::Reduction::Mean, data::kIgnored);
  if (options.dice_weight > 0) loss = loss + options.dice_weight * dice(logits, mask);
  return {loss, units};
}

}  // namespace mlrun::segmentation
