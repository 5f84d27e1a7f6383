#pragma once

#include <vector>

#include <torch/types.h>

#include "config/options.h"

namespace mlrun::segmentation {

struct LossOptions {
  std::vector<double> class_weights;
  double dice_weight = 0;
  double aux_weight = 0.5;
  static void declare(config::Declare<LossOptions>& d);
};

/// A loss and what it is a mean over: valid pixels, or the sum of their classes' weights.
struct PixelLoss {
  torch::Tensor value;
  double units = 0;
};

/// Cross-entropy of `logits` [N, C, H, W] for `mask`, int64 [N, H, W] with 255 where a pixel counts for nothing, and
/// the share that `options` gives to Dice. Without a valid pixel it is 0 of 0 units.
PixelLoss pixel_loss(const torch::Tensor& logits, const torch::Tensor& mask, const LossOptions& options);

}  // namespace mlrun::segmentation
