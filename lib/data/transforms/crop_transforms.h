#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "config/options.h"
#include "data/image/view.h"
#include "data/transforms/transform.h"

/// Crops, named and behaving as torchvision's on PIL images.
namespace mlrun::data {

struct CenterCropOptions {
  std::vector<std::int64_t> size;  ///< one side, or height and width; empty: the context's
  static void declare(config::Declare<CenterCropOptions>& d);
};
/// Halves are rounded to even as Python does; a smaller image is padded with 0 first.
std::unique_ptr<Transform> make_center_crop(const CenterCropOptions& options, const TransformContext& context);

struct RandomResizedCropOptions {
  std::vector<std::int64_t> size;  ///< one side, or height and width; empty: the context's
  std::vector<double> scale{0.08, 1.0};
  std::vector<double> ratio{3.0 / 4.0, 4.0 / 3.0};
  std::string interpolation = "bilinear";
  static void declare(config::Declare<RandomResizedCropOptions>& d);
};
std::unique_ptr<Transform> make_random_resized_crop(const RandomResizedCropOptions& options,
                                                    const TransformContext& context);

/// How often a random rectangle that does not fit is drawn anew.
constexpr int kDrawAttempts = 10;
/// The sides of a rectangle whose area is a share of `area` from `scale`, the first by the second from `ratio` (uniform
/// in its logarithm), rounded to whole pixels.
std::pair<std::int64_t, std::int64_t> draw_sides(double area, const std::vector<double>& scale,
                                                 const std::vector<double>& ratio, KeyedRandom& random);
/// Puts it anywhere in an image of `height` x `width`, in which it must fit.
void draw_place(Box& box, std::int64_t height, std::int64_t width, KeyedRandom& random);

/// The part of a `height` x `width` image that random_resized_crop takes: ten attempts at an area
/// from `scale` (share of the image) and a width/height from `ratio` (uniform in its logarithm),
/// else the largest centred part whose ratio is in range.
Box random_resized_box(std::int64_t height, std::int64_t width, const std::vector<double>& scale,
                       const std::vector<double>& ratio, KeyedRandom& random);

}  // namespace mlrun::data
