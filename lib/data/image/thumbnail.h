#pragma once

#include <string>

#include <torch/types.h>

namespace mlrun::data {

/// An image, uint8 [H, W, C], as a data URI (PNG) for pages: small, and in colours that PNG has.
std::string thumbnail_uri(const torch::Tensor& image);

}  // namespace mlrun::data
