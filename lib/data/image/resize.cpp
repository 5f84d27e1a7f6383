#include "data/image/resize.h"

#include <cstring>

#include "base/error.h"
#include "data/transforms/window.h"
#include "data/window_reader.h"

namespace mlrun::data {

ImageView view_of(const torch::Tensor& image) {
  MLRUN_ASSERT(image.dim() == 3 && image.scalar_type() == torch::kUInt8 && image.is_contiguous(),
               "an image must be contiguous uint8 [H, W, C]");
  return {image.data_ptr<std::uint8_t>(), image.size(0), image.size(1), image.size(2), image.size(1) * image.size(2)};
}

ImageView crop(const ImageView& view, std::int64_t top, std::int64_t left, std::int64_t height, std::int64_t width) {
  MLRUN_ASSERT(
      top >= 0 && left >= 0 && height > 0 && width > 0 && top + height <= view.height && left + width <= view.width,
      "a crop must lie inside its image");
  return {view.row(top) + left * view.channels, height, width, view.channels, view.stride};
}

torch::Tensor to_tensor(const ImageView& view) {
  auto result = torch::empty({view.height, view.width, view.channels}, torch::kUInt8);
  auto* out = result.data_ptr<std::uint8_t>();
  const auto bytes = static_cast<std::size_t>(view.width * view.channels);
  for (std::int64_t y = 0; y < view.height; ++y) std::memcpy(out + y * bytes, view.row(y), bytes);
  return result;
}

torch::Tensor resize(const ImageView& view, std::int64_t height, std::int64_t width, Interpolation interpolation) {
  MLRUN_ASSERT(height > 0 && width > 0 && view.height > 0 && view.width > 0, "an image must have pixels");
  Window window(view.height, view.width);
  const bool added = window.resize(height, width, interpolation);
  MLRUN_ASSERT(added, "a whole image can be resized");
  WindowReader reader(window, view.channels);
  reader.take_all(view);
  return reader.bytes();
}

}  // namespace mlrun::data
