#pragma once

#include <torch/types.h>

#include "data/transforms/augment_ops.h"

namespace mlrun::data {

/// The operator with the bits of torchvision 0.14.1's `transforms.functional` on uint8 tensors, which is what AugMix
/// applies even to PIL images: other roundings than apply_step's, and LibTorch's grid_sample where pixels move. uint8
/// [H, W, C], RGB or grey. A fill of 0 is torchvision's None. Nearest and bilinear only; no Invert.
torch::Tensor apply_tensor_step(const torch::Tensor& image, const AugmentStep& step, const Resampling& resampling);

}  // namespace mlrun::data
