#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "config/options.h"
#include "data/transforms/sizes.h"
#include "data/transforms/transform.h"

namespace mlrun::data {

struct RandomShortestSizeOptions {
  std::vector<std::int64_t> min_size{480, 512, 544, 576, 608, 640, 672, 704, 736, 768, 800};
  std::int64_t max_size = 1333;
  std::string interpolation = "bilinear";
  static void declare(config::Declare<RandomShortestSizeOptions>& d);
};
/// RandomShortestSize of torchvision's references for detection: a shorter side of those listed, less where the longer
/// one would be above `max_size`.
std::unique_ptr<Transform> make_random_shortest_size(const RandomShortestSizeOptions& options,
                                                     const TransformContext& context);

/// What becomes of a `height` x `width` image; at least one pixel.
ImageSize bounded_size(std::int64_t height, std::int64_t width, std::int64_t shortest, std::int64_t longest);

}  // namespace mlrun::data
