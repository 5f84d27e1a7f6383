#pragma once

#include <cstdint>
#include <vector>

namespace mlrun::data {

/// A rectangle of a uint8 [H, W, C] image that is owned elsewhere.
struct ImageView {
  const std::uint8_t* pixels = nullptr;
  std::int64_t height = 0, width = 0, channels = 0;
  std::int64_t stride = 0;  ///< bytes from one row to the next
  std::int64_t slack = 0;   ///< bytes that may be read behind the last row

  const std::uint8_t* row(std::int64_t y) const { return pixels + y * stride; }
};

/// What pixels get that lie outside an image: one value, or one for each channel.
using Fill = std::vector<std::uint8_t>;

/// A rectangle of an image by its corner and size.
struct Box {
  std::int64_t top = 0, left = 0, height = 0, width = 0;

  bool operator==(const Box&) const = default;
};

}  // namespace mlrun::data
