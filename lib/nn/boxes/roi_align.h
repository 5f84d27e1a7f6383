#pragma once

#include <cstdint>

#include <torch/types.h>

namespace mlrun::nn {

struct RoiAlign {
  std::int64_t height = 7, width = 7;  ///< of what a region becomes
  double scale = 1;                    ///< pixels of the map for one of the image
  std::int64_t samples = 2;            ///< points of a cell along each side; 0 or less: as many as it has pixels
  bool aligned = false;                ///< half a pixel is taken off the regions' corners
};

/// Regions [K, 5] (image of the batch, left, top, right, bottom in pixels of the image) of maps [N, C, H, W], averaged
/// from bilinear samples into [K, C, height, width] (He et al., Mask R-CNN, ICCV 2017). Differentiable by the maps.
torch::Tensor roi_align(const torch::Tensor& maps, const torch::Tensor& regions, const RoiAlign& how);

}  // namespace mlrun::nn
