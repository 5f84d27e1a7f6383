#pragma once

#include <cstdint>
#include <vector>

#include <torch/types.h>

#include "data/image/run_lengths.h"

/// Masks of boxes as masks of their image, as torchvision's `paste_masks_in_image` makes them.
namespace mlrun::models {

/// Probabilities [n, 1, side, side] in boxes [n, 4] of an image, as [n, 1, height, width]; 0 outside the boxes.
torch::Tensor pasted_masks(const torch::Tensor& probabilities, const torch::Tensor& boxes, std::int64_t height,
                           std::int64_t width);

/// The pixels whose probability there is above `threshold`, without a tensor of the image's size.
std::vector<data::RunLengths> pasted_runs(const torch::Tensor& probabilities, const torch::Tensor& boxes,
                                          std::int64_t height, std::int64_t width, double threshold = 0.5);

}  // namespace mlrun::models
