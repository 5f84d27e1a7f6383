#pragma once

#include <cstdint>
#include <vector>

#include "config/options.h"
#include "data/transforms/image_transforms.h"

namespace mlrun::data {

struct ImageSize {
  std::int64_t height = 0, width = 0;
};

/// What a `size` of one or two values means; `otherwise` on both sides where it is empty.
inline ImageSize size_of(const std::vector<std::int64_t>& size, std::int64_t otherwise) {
  if (size.empty()) return {otherwise, otherwise};
  return {size.front(), size.back()};
}

/// The size of an image whose shorter side becomes `side`, the longer one rounded down, as torchvision's Resize does.
inline ImageSize size_of_shorter(std::int64_t side, std::int64_t height, std::int64_t width) {
  if (width <= height) return {side * height / width, side};
  return {side, side * width / height};
}

/// The option `size` of crops.
template <class Options>
void declare_size(config::Declare<Options>& d) {
  d("size", &Options::size, "one side, or height and width; empty: the input size that the model was published with")
      .min(1)
      .unit("pixels");
  d.rule("size", [](const Options& o) { return size_problem(o.size); });
}

/// What is wrong with a range of the least and the largest; empty where nothing is.
template <class Number>
std::string order_problem(const std::vector<Number>& range) {
  return range[0] > range[1] ? "the smallest comes first" : "";
}

/// The bytes of a fill that options gave as numbers.
inline Fill fill_of(const std::vector<std::int64_t>& values) {
  Fill fill;
  for (const std::int64_t value : values) fill.push_back(static_cast<std::uint8_t>(value));
  return fill;
}

}  // namespace mlrun::data
