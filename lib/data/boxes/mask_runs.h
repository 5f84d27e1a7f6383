#pragma once

#include <cstdint>
#include <vector>

#include <torch/types.h>

#include "data/image/run_lengths.h"

/// Masks of things as runs: a few numbers where a tensor has each pixel of the image.
namespace mlrun::data {

/// The runs of a mask of height x width that has the pixels of `part`, uint8 or bool [h, w], with its left upper corner
/// at `top`, `left`, and no others. The part lies within.
RunLengths part_runs(const torch::Tensor& part, std::int64_t top, std::int64_t left, std::int64_t height,
                     std::int64_t width);

/// Those of masks, uint8 or bool [n, H, W].
std::vector<RunLengths> runs_of_masks(const torch::Tensor& masks);

/// The masks of one image as one tensor, int64: of each its height, its width, how many runs it has, and these.
torch::Tensor packed_runs(const std::vector<RunLengths>& masks);
std::vector<RunLengths> unpacked_runs(const torch::Tensor& packed);

}  // namespace mlrun::data
