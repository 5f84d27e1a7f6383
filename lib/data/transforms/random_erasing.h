#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "config/options.h"
#include "data/transforms/crop_transforms.h"
#include "data/transforms/transform.h"

namespace mlrun::data {

struct RandomErasingOptions {
  double p = 0.5;
  std::vector<double> scale{0.02, 0.33};
  std::vector<double> ratio{0.3, 3.3};
  std::vector<double> value{0};
  bool random = false;  ///< torchvision's value='random'
  static void declare(config::Declare<RandomErasingOptions>& d);
};
/// torchvision's RandomErasing, on the normalized float image [C, H, W]: a random rectangle gets one value, one for
/// each channel, or normal random numbers.
std::unique_ptr<Transform> make_random_erasing(const RandomErasingOptions& options, const TransformContext& context);

/// The rectangle that is erased from a `height` x `width` image: ten attempts at an area from `scale` (share of the
/// image) and a height/width from `ratio` (uniform in its logarithm), smaller than the image on both sides; else none.
std::optional<Box> erasing_box(std::int64_t height, std::int64_t width, const std::vector<double>& scale,
                               const std::vector<double>& ratio, KeyedRandom& random);

}  // namespace mlrun::data
