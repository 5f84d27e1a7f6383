#include "data/image/gather.h"

#include <cstring>

#include "data/image/resize.h"

namespace mlrun::data {
namespace {

/// A copy whose length the compiler knows, where `Bytes` is not 0.
template <std::size_t Bytes>
void copy_pixel(const std::uint8_t* in, std::size_t bytes, std::uint8_t* out) {
  std::memcpy(out, in, Bytes == 0 ? bytes : Bytes);
}

template <std::size_t Bytes>
void gather_pixels(const ImageView& image, const Positions& rows, const Positions& columns, const std::uint8_t* fill,
                   std::uint8_t* out) {
  const auto bytes = static_cast<std::size_t>(image.channels);
  for (const std::int64_t y : rows) {
    const std::uint8_t* row = y == kNowhere ? nullptr : image.row(y);
    for (const std::int64_t x : columns) {
      const bool inside = row != nullptr && x != kNowhere;
      copy_pixel<Bytes>(inside ? row + x * image.channels : fill, bytes, out);
      out += bytes;
    }
  }
}

}  // namespace

void gather(const ImageView& image, const Positions& rows, const Positions& columns, const std::uint8_t* fill,
            std::uint8_t* out) {
  switch (image.channels) {
    case 1: return gather_pixels<1>(image, rows, columns, fill, out);
    case 3: return gather_pixels<3>(image, rows, columns, fill, out);
    case 8: return gather_pixels<8>(image, rows, columns, fill, out);
    default: return gather_pixels<0>(image, rows, columns, fill, out);
  }
}

torch::Tensor gathered(const torch::Tensor& image, const Positions& rows, const Positions& columns, const Fill& fill) {
  const ImageView view = view_of(image);
  std::vector<std::uint8_t> pixel(static_cast<std::size_t>(view.channels));
  for (std::size_t c = 0; c < pixel.size(); ++c) pixel[c] = fill[c % fill.size()];
  const auto height = static_cast<std::int64_t>(rows.size()), width = static_cast<std::int64_t>(columns.size());
  auto result = torch::empty({height, width, view.channels}, torch::kUInt8);
  gather(view, rows, columns, pixel.data(), result.data_ptr<std::uint8_t>());
  return result;
}

}  // namespace mlrun::data
