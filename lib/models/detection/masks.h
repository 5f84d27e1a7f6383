#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "models/detection/roi_heads.h"

/// The shape of what was found (He et al., "Mask R-CNN", ICCV 2017), as torchvision builds it.
namespace mlrun::models {

/// From pooled regions [K, channels, 14, 14]: four convolutions, with batch norm where `norm` says so.
std::shared_ptr<nn::Layer> mask_head(std::int64_t channels, bool norm);
/// From its output to logits [K, classes, 28, 28].
std::shared_ptr<nn::Layer> mask_predictor(std::int64_t channels, std::int64_t classes);

/// Binary cross-entropy of the masks of regions that show an object. `masks` uint8 [n, H, W] of each image, of its
/// size.
torch::Tensor mask_loss(const torch::Tensor& logits, const std::vector<RegionSamples>& objects,
                        const std::vector<torch::Tensor>& masks);

/// Probabilities [K, 1, 28, 28] that pixels belong, of the class that each region was found to be.
torch::Tensor mask_probabilities(const torch::Tensor& logits, const torch::Tensor& labels);

}  // namespace mlrun::models
