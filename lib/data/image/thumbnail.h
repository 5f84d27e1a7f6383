#pragma once

#include <cstdint>
#include <string>

#include <torch/types.h>

namespace mlrun::data {

/// An image, uint8 [H, W, C], as a data URI (PNG) for pages: its longer side at most `longer` pixels, in colours that
/// PNG has.
std::string thumbnail_uri(const torch::Tensor& image, std::int64_t longer = 112);

}  // namespace mlrun::data
