#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <torch/types.h>

#include "config/options.h"
#include "recipes/segmentation/pixel_terms.h"

namespace mlrun::segmentation {

struct LossOptions {
  config::Component pixels = {"cross_entropy", nullptr};
  std::vector<double> class_weights;
  double dice_weight = 0, lovasz_weight = 0;
  double aux_weight = 0.5;
};

/// A loss and what it is a mean over: pixels that count, or the sum of their classes' weights.
struct Loss {
  torch::Tensor value;
  double units = 0;
};

/// What a training of masks lowers.
class MaskLoss {
 public:
  explicit MaskLoss(LossOptions options);

  /// Of `logits` [N, C, H, W] for `mask`, int64 [N, H, W] with 255 where a pixel counts for nothing: the mean of the
  /// pixels' losses, and the shares of Dice and Lovasz. Without a pixel that counts it is 0 of 0 units.
  Loss operator()(const torch::Tensor& logits, const torch::Tensor& mask) const;

  /// UserError at its key where an option does not fit so many classes.
  void check(std::int64_t classes) const;
  double aux_weight() const { return options_.aux_weight; }

 private:
  Loss of_pixels(const torch::Tensor& logits, const torch::Tensor& mask) const;

  LossOptions options_;
  std::shared_ptr<const PixelTerm> term_;
};

}  // namespace mlrun::segmentation
