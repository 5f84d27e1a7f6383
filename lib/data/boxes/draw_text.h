#pragma once

#include <cstdint>
#include <string>

#include <torch/types.h>

#include "data/colours.h"

namespace mlrun::data {

/// What OpenCV's letters can show: ASCII; other characters become one question mark each. In a build with OpenCV alone.
std::string drawable(const std::string& text);

/// Writes `text` on a patch of `colour` above the point `left`, `top` of `image`, uint8 [H, W, 3] contiguous, or below
/// it where there is no room; letters grow with `line`. Nothing in a build without OpenCV, and where the image is
/// smaller than the letters. Letters are `drawable` ones.
void draw_label(const torch::Tensor& image, const std::string& text, std::int64_t left, std::int64_t top,
                std::int64_t line, const Colour& colour);

}  // namespace mlrun::data
