#pragma once

#include <array>
#include <memory>
#include <optional>
#include <vector>

#include "config/options.h"
#include "data/transforms/transform.h"

namespace mlrun::data {

struct ColorJitterOptions {
  std::vector<double> brightness{0}, contrast{0}, saturation{0};  ///< x: factors 1 - x to 1 + x; or least and largest
  std::vector<double> hue{0};                                     ///< x: -x to x; or least and largest
  static void declare(config::Declare<ColorJitterOptions>& d);
};
/// torchvision's ColorJitter: draws the order of the four, then the factor of each that is asked for.
std::unique_ptr<Transform> make_color_jitter(const ColorJitterOptions& options, const TransformContext& context);

/// What is drawn for an image. Without a value an adjustment is left out.
struct ColorJitterDraw {
  std::array<std::int64_t, 4> order{0, 1, 2, 3};  ///< of brightness, contrast, saturation, hue
  std::array<std::optional<double>, 4> factors;   ///< of the same
};
torch::Tensor color_jitter(const torch::Tensor& image, const ColorJitterDraw& draw);

}  // namespace mlrun::data
