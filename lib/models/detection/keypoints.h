#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "models/detection/roi_heads.h"

/// Where the points of what was found lie (He et al., "Mask R-CNN", ICCV 2017), as torchvision builds it.
namespace mlrun::models {

/// From pooled regions [K, channels, 14, 14]: eight convolutions.
std::shared_ptr<nn::Layer> keypoint_head(std::int64_t channels);
/// From its output to logits [K, keypoints, 56, 56] of where each is.
std::shared_ptr<nn::Layer> keypoint_predictor(std::int64_t keypoints);

/// Cross-entropy of the places of visible points in the regions. `keypoints` [n, points, 3] of each image: x, y and
/// whether it is visible (above 0).
torch::Tensor keypoint_loss(const torch::Tensor& logits, const std::vector<RegionSamples>& objects,
                            const std::vector<torch::Tensor>& keypoints);

/// Points of boxes [K, 4]: float32 [K, points, 3] (the last always 1), and float32 [K, points], their logits.
struct KeypointPlaces {
  torch::Tensor points, scores;
};
KeypointPlaces keypoint_places(const torch::Tensor& logits, const torch::Tensor& boxes);

}  // namespace mlrun::models
