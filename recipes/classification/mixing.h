#pragma once

#include <cstdint>

#include <torch/types.h>

#include "data/image/view.h"

namespace mlrun::classification {

/// A batch each of whose images was blended with the one before it, the first with the last.
struct Mixed {
  torch::Tensor images;    ///< [N, C, H, W] floating
  torch::Tensor labels;    ///< [N] int64, of the images themselves
  torch::Tensor partners;  ///< [N] int64, of what was blended in; undefined: nothing was
  double share = 1;        ///< that the images themselves have in the targets

  /// The labels where nothing was mixed, else each class's share: [N, classes] of `dtype`.
  torch::Tensor targets(std::int64_t classes, torch::ScalarType dtype) const;
};

/// Zhang et al., "mixup: Beyond Empirical Risk Minimization", ICLR 2018:
/// `share` x image + (1 - share) x partner.
Mixed mixup(const torch::Tensor& images, const torch::Tensor& labels, double share);

/// The box with the image's form around (x, y) that leaves `share` of the area to the image, cut off
/// at the image's border.
data::Box cut_box(double share, std::int64_t x, std::int64_t y, std::int64_t width, std::int64_t height);

/// Yun et al., "CutMix: Regularization Strategy to Train Strong Classifiers with Localizable
/// Features", ICCV 2019: the partner's pixels in `box`; shares are those of the areas.
Mixed cutmix(const torch::Tensor& images, const torch::Tensor& labels, const data::Box& box);

/// mixup, CutMix, or one of both by chance for each batch, as torchvision's references do with
/// probability 1. Draws come from the default CPU generator, which the engine seeds for each
/// micro-batch, in torchvision's order.
class Mixing {
 public:
  /// Parameters of the Beta distribution that shares are drawn from; 0: never.
  Mixing(double mixup_alpha, double cutmix_alpha) : mixup_alpha_(mixup_alpha), cutmix_alpha_(cutmix_alpha) {}

  Mixed operator()(const torch::Tensor& images, const torch::Tensor& labels) const;

 private:
  double mixup_alpha_, cutmix_alpha_;
};

}  // namespace mlrun::classification
