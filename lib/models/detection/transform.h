#pragma once

#include <vector>

#include <torch/types.h>

#include "models/detection/detector.h"

/// What torchvision's GeneralizedRCNNTransform does to normalised images, and back.
namespace mlrun::models {

struct DetectorBatch {
  torch::Tensor image;  ///< [N, C, H, W]
  torch::Tensor sizes;  ///< int64 [N, 2]: height and width of each image in it
};

/// The size, {height, width}, that an image gets: sides by one scale in float32, rounded down.
std::pair<std::int64_t, std::int64_t> detector_size(std::int64_t height, std::int64_t width, const DetectorInput& input,
                                                    std::int64_t min_size);

/// Images [C, H, W] (floats, normalised) resized as `input` says, with their shorter sides at `min_sizes` (one for
/// each), and padded with zeros to one size.
DetectorBatch prepare(const std::vector<torch::Tensor>& images, const DetectorInput& input,
                      const std::vector<std::int64_t>& min_sizes);

/// Boxes [N, 4] (or points [N, K, 3]) of an image of one size {height, width} in pixels of the same image of another
/// size.
torch::Tensor rescaled_boxes(const torch::Tensor& boxes, std::pair<std::int64_t, std::int64_t> from,
                             std::pair<std::int64_t, std::int64_t> to);
torch::Tensor rescaled_keypoints(const torch::Tensor& keypoints, std::pair<std::int64_t, std::int64_t> from,
                                 std::pair<std::int64_t, std::int64_t> to);

}  // namespace mlrun::models
