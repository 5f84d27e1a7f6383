#pragma once

#include <string_view>
#include <vector>

#include <torch/types.h>

/// Masks of classes to look at.
namespace mlrun::data {

/// `image`, uint8 [H, W, 1 or 3], half covered by the colours of the classes in `mask`, uint8 [H, W], of any size: it
/// is brought to the image's by nearest pixels. `colours` has red, green and blue of the classes, one after the other.
/// Where a class's colour is black, the image stays as it is. Uint8 [H, W, 3].
torch::Tensor overlay(const torch::Tensor& image, const torch::Tensor& mask, std::string_view colours);

/// Images uint8 [H, W, 1 or 3] of one height beside each other, a white line between them; uint8 [H, W', 3].
torch::Tensor beside(const std::vector<torch::Tensor>& images);

}  // namespace mlrun::data
