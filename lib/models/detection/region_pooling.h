#pragma once

#include <cstdint>
#include <vector>

#include <torch/types.h>

#include "nn/boxes/roi_align.h"

namespace mlrun::models {

/// Regions of the maps of a pyramid, each from the map that its size asks for (Lin et al., "Feature Pyramid Networks",
/// equation 1; torchvision's MultiScaleRoIAlign): [all boxes, C, size, size] for `boxes` [n, 4] of each image, in
/// pixels of images of `height` pixels, padding included.
torch::Tensor pooled_regions(const std::vector<torch::Tensor>& maps, const std::vector<torch::Tensor>& boxes,
                             std::int64_t height, std::int64_t size);

/// The parts of it. How regions of a map become `size` x `size`.
nn::RoiAlign pooling_of(const torch::Tensor& map, std::int64_t height, std::int64_t size);
/// For each of boxes [n, 4] the number of its map: whole numbers of the boxes' type, [n].
torch::Tensor maps_of_boxes(const std::vector<torch::Tensor>& maps, const torch::Tensor& boxes, std::int64_t height);

}  // namespace mlrun::models
