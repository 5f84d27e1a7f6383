#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "config/options.h"
#include "data/transforms/sizes.h"
#include "data/transforms/transform.h"

/// Resizing by what is drawn for each image.
namespace mlrun::data {

struct RandomResizeOptions {
  std::int64_t min_size = 0, max_size = 0;  ///< 0: as options say
  std::string interpolation = "bilinear";
  static void declare(config::Declare<RandomResizeOptions>& d);
};
/// RandomResize of torchvision's references for segmentation: a shorter side from `min_size` to `max_size`, all equally
/// likely; the longer one as `resize` has it.
std::unique_ptr<Transform> make_random_resize(const RandomResizeOptions& options, const TransformContext& context);

struct ScaleJitterOptions {
  std::vector<std::int64_t> size;  ///< one side, or height and width; empty: the context's
  std::vector<double> scale{0.1, 2.0};
  std::string interpolation = "bilinear";
  static void declare(config::Declare<ScaleJitterOptions>& d);
};
/// ScaleJitter of torchvision's references for detection ("Simple Copy-Paste", Ghiasi et al., 2021).
std::unique_ptr<Transform> make_scale_jitter(const ScaleJitterOptions& options, const TransformContext& context);

/// What becomes of a `height` x `width` image: the largest that fits into `target`, times `scale`, in float32 as there;
/// at least one pixel.
ImageSize jittered_size(std::int64_t height, std::int64_t width, ImageSize target, float scale);

}  // namespace mlrun::data
