#pragma once

#include <memory>
#include <vector>

#include "data/transforms/augment_ops.h"

namespace mlrun::data {

struct AugMixOptions {
  std::int64_t severity = 3;
  std::int64_t mixture_width = 3;
  std::int64_t chain_depth = -1;
  double alpha = 1;
  bool all_ops = true;
  std::string interpolation = "bilinear";
  std::vector<std::int64_t> fill{0};
  static void declare(config::Declare<AugMixOptions>& d);
};
/// torchvision's AugMix (Hendrycks et al., 2020). Draws the shares of the image and of the mixture, the shares of the
/// chains, then for each chain its depth and for each of its operators the operator, its magnitude and its sign. The
/// operators are torchvision's on tensors (apply_tensor_step).
std::unique_ptr<Transform> make_augmix(const AugMixOptions& options, const TransformContext& context);

/// The operators drawn from, in torchvision's order, and their magnitudes.
const std::vector<AugmentOp>& augmix_ops(bool all_ops);
MagnitudeSpace augmix_magnitudes();

/// What is drawn for an image.
struct AugMixDraw {
  float image_weight = 1;
  std::vector<float> chain_weights;  ///< with image_weight they add up to 1
  std::vector<std::vector<AugmentStep>> chains;
};
/// The weighted sum of the image and of each chain's result: float32, truncated.
torch::Tensor augmix(const torch::Tensor& image, const AugMixDraw& draw, const Resampling& resampling);

}  // namespace mlrun::data
