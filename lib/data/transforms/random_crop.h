#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "config/options.h"
#include "data/transforms/transform.h"

namespace mlrun::data {

struct RandomCropOptions {
  std::vector<std::int64_t> size;     ///< one side, or height and width; empty: the context's
  std::vector<std::int64_t> padding;  ///< none, all; left/right, top/bottom; or left, top, right, bottom
  bool pad_if_needed = false;
  bool pad_if_smaller = false;
  std::vector<std::int64_t> fill{0};
  std::string padding_mode = "constant";
  static void declare(config::Declare<RandomCropOptions>& d);
};
/// torchvision's RandomCrop on PIL images, and with `pad_if_smaller` that of its references for segmentation. Draws the
/// top, then the left offset. `apply` throws a UserError where the padded image is smaller than the crop.
std::unique_ptr<Transform> make_random_crop(const RandomCropOptions& options, const TransformContext& context);

}  // namespace mlrun::data
