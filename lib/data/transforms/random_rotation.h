#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "config/options.h"
#include "data/transforms/transform.h"

namespace mlrun::data {

struct RotationOptions {
  std::vector<double> degrees{10};  ///< x: -x to x; or least and largest
  std::string interpolation = "nearest";
  std::vector<std::int64_t> fill{0};
  static void declare(config::Declare<RotationOptions>& d);
};
/// torchvision's RandomRotation on PIL images: counter-clockwise around the middle, the size stays. Masks take the
/// nearest pixel and their own fill.
std::unique_ptr<Transform> make_random_rotation(const RotationOptions& options, const TransformContext& context);

}  // namespace mlrun::data
