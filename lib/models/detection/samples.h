#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <torch/types.h>

#include "models/detection/detector.h"
#include "nn/ports.h"

/// What stands at a detector's ports, image by image.
namespace mlrun::models {

/// What is to be found in one image.
struct Truth {
  torch::Tensor boxes;   ///< [n, 4], pixels of the resized image
  torch::Tensor labels;  ///< int64 [n]
};

/// What was found in one, the best first.
struct Found {
  torch::Tensor boxes, scores, labels;  ///< [n, 4], [n], int64 [n]
};

/// The best of `all` after suppression within classes, or across them.
Found best_found(const Found& all, const DetectionSettings& how);

/// Height and width.
using ImageSize = std::pair<std::int64_t, std::int64_t>;

/// Of each image, from `sizes`, int64 [N, 2].
std::vector<ImageSize> image_sizes(const torch::Tensor& sizes);

/// The rows of each sample of a ragged port.
std::vector<torch::Tensor> sample_rows(const torch::Tensor& rows, const torch::Tensor& counts);

/// From a training's inputs (`image`, `sizes`, then `boxes` and `labels` with their counts). UserError for a box
/// without width or height, whose code would be infinite.
std::vector<Truth> truths_of(const nn::Tensors& inputs);

/// The tensors at the ports `boxes`, `scores`, `labels`.
nn::Tensors at_ports(const std::vector<Found>& found);

/// The same without numbers, for `images` on the meta device: as many boxes for each as there can be.
nn::Tensors blank_found(const torch::Tensor& images, std::int64_t most);

}  // namespace mlrun::models
