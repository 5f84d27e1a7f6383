#pragma once

#include <array>
#include <memory>
#include <optional>
#include <vector>

#include "config/options.h"
#include "data/transforms/transform.h"

namespace mlrun::data {

struct PhotometricDistortOptions {
  std::vector<double> brightness{0.875, 1.125}, contrast{0.5, 1.5}, saturation{0.5, 1.5}, hue{-0.05, 0.05};
  double p = 0.5;
  static void declare(config::Declare<PhotometricDistortOptions>& d);
};
/// RandomPhotometricDistort of torchvision's references for detection: brightness, saturation and hue, contrast before
/// or after these two, and the order of the channels, each with a probability. Draws seven numbers, then the factor of
/// each that is done, in their order, then the channels' order.
std::unique_ptr<Transform> make_photometric_distort(const PhotometricDistortOptions& options,
                                                    const TransformContext& context);

/// What is drawn for an image. Without a value an adjustment is left out.
struct PhotometricDraw {
  std::optional<double> brightness, contrast, saturation, hue;
  bool contrast_first = false;                          ///< before saturation and hue
  std::optional<std::array<std::int64_t, 3>> channels;  ///< which of the image each channel of the result is
};
torch::Tensor photometric_distort(const torch::Tensor& image, const PhotometricDraw& draw);

}  // namespace mlrun::data
