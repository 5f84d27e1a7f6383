#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "config/options.h"
#include "data/transforms/transform.h"

namespace mlrun::data {

struct MosaicOptions {
  double p = 1;
  std::vector<std::int64_t> size;  ///< of a quarter: one side, or height and width; empty: the context's
  std::vector<std::int64_t> fill{114};
  std::string interpolation = "bilinear";
  static void declare(config::Declare<MosaicOptions>& d);
};
/// The mosaic of YOLOv4 (Bochkovskiy et al., 2020), as YOLOX draws it: an image twice as high and wide as `size` with
/// the sample and three others, each resized until it just fits into `size`, that touch at a point which lies a quarter
/// to three quarters down and across.
std::unique_ptr<Transform> make_mosaic(const MosaicOptions& options, const TransformContext& context);

}  // namespace mlrun::data
