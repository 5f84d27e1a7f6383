#pragma once

#include <cstdint>
#include <vector>

#include <torch/types.h>

namespace mlrun::models {

/// Regions of the maps of a pyramid, each from the map that its size asks for (Lin et al., "Feature Pyramid Networks",
/// equation 1; torchvision's MultiScaleRoIAlign): [all boxes, C, size, size] for `boxes` [n, 4] of each image, in
/// pixels of images of `height` pixels, padding included.
torch::Tensor pooled_regions(const std::vector<torch::Tensor>& maps, const std::vector<torch::Tensor>& boxes,
                             std::int64_t height, std::int64_t size);

}  // namespace mlrun::models
