#include "data/image/thumbnail.h"

#include <algorithm>

#include "data/image/resize.h"
#include "report/png.h"

namespace mlrun::data {

std::string thumbnail_uri(const torch::Tensor& image, std::int64_t longer) {
  const std::int64_t height = image.size(0), width = image.size(1), own = std::max(height, width);
  torch::Tensor shown = image.size(2) == 2 || image.size(2) > 3 ? image.slice(2, 0, 1) : image;
  shown = shown.contiguous();
  if (own > longer) {
    const auto scaled = [&](std::int64_t side) { return std::max<std::int64_t>(1, side * longer / own); };
    shown = resize(view_of(shown), scaled(height), scaled(width), Interpolation::Bilinear).contiguous();
  }
  return report::data_uri("image/png",
                          report::png(shown.data_ptr<std::uint8_t>(), shown.size(1), shown.size(0), shown.size(2)));
}

}  // namespace mlrun::data
