#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "config/options.h"
#include "data/transforms/transform.h"

namespace mlrun::data {

struct ZoomOutOptions {
  std::vector<std::int64_t> fill{0};
  std::vector<double> side_range{1.0, 4.0};
  double p = 0.5;
  static void declare(config::Declare<ZoomOutOptions>& d);
};
/// RandomZoomOut of torchvision's references for detection: the image somewhere on a larger canvas. Draws whether, then
/// how large, then where across and down.
std::unique_ptr<Transform> make_zoom_out(const ZoomOutOptions& options, const TransformContext& context);

/// The canvas for a `height` x `width` image, by its place on the image: `ratio` times its sides, `across` and `down`
/// of what is left beside it lie before it; in float32 as there.
Box zoomed_canvas(std::int64_t height, std::int64_t width, float ratio, float across, float down);

}  // namespace mlrun::data
