#pragma once

#include <array>
#include <string>
#include <vector>

#include <torch/types.h>

#include "data/colours.h"

namespace mlrun::data {

struct DrawnBox {
  std::array<double, 4> box{};  ///< left, top, right, bottom in pixels
  std::string caption;
  Colour colour{};
};

/// `image`, uint8 [H, W, 1 or 3], with frames around boxes, the last on top, their captions above or inside: uint8
/// [H, W, 3]. Without OpenCV there are no captions.
torch::Tensor draw_boxes(const torch::Tensor& image, const std::vector<DrawnBox>& boxes);

/// Writes into `image`, uint8 [H, W, 3], contiguous: `text` on a ground of this colour, its left lower corner at x, y,
/// or the left upper one where there is no room above.
void draw_caption(const torch::Tensor& image, const std::string& text, std::int64_t x, std::int64_t y, double scale,
                  const Colour& ground);

}  // namespace mlrun::data
