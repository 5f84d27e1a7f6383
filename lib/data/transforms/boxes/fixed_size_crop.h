#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "config/options.h"
#include "data/transforms/transform.h"

namespace mlrun::data {

struct FixedSizeCropOptions {
  std::vector<std::int64_t> size;  ///< one side, or height and width; empty: the context's
  std::vector<std::int64_t> fill{0};
  static void declare(config::Declare<FixedSizeCropOptions>& d);
};
/// FixedSizeCrop of torchvision's references for detection: a part of a larger image, a smaller one padded on the right
/// and at the bottom. One number is drawn, for both sides, where something is cut. Things that are not shown go.
std::unique_ptr<Transform> make_fixed_size_crop(const FixedSizeCropOptions& options, const TransformContext& context);

}  // namespace mlrun::data
