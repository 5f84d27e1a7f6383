#include <vector>

#include "data/image/exif.h"
#include "data/image/head.h"
#include "data/image/kind.h"
#include "data/image/layout.h"
#include "data/image/pnm.h"
#include "fuzz/fuzz.h"

/// What an image file says of itself: sizes, whether it is cut, its EXIF orientation, how its pixels lie; and PNM
/// whole.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = mlrun::fuzz::bytes_of(data, size);
  const auto head = mlrun::data::read_image_head(bytes);
  mlrun::fuzz::require(head.width >= 0 && head.height >= 0, "sizes are not negative");
  mlrun::fuzz::tolerate([&] {
    mlrun::data::check_pixel_count(head.width, head.height, "input");
    mlrun::data::check_pixels_fit(bytes, head, "input");
  });
  const int orientation = mlrun::data::exif_orientation(bytes);
  mlrun::fuzz::require(orientation >= 1 && orientation <= 8, "an orientation is one of eight");
  mlrun::fuzz::tolerate([&] { mlrun::data::refuse_foreign(bytes, "input"); });
  mlrun::fuzz::tolerate([&] {
    const auto layout = mlrun::data::layout_of(bytes, "input");
    mlrun::fuzz::require(layout.bytes.empty() || layout.bytes.size() == bytes.size(), "tags are changed in place");
  });
  const auto pnm = mlrun::data::read_pnm_head(bytes);
  constexpr std::int64_t kMostPixels = 1 << 16;
  if (!pnm || pnm->width > kMostPixels / pnm->height || mlrun::data::pnm_truncated(*pnm, bytes)) return 0;
  std::vector<std::uint8_t> rgb(static_cast<std::size_t>(3 * pnm->width * pnm->height));
  mlrun::fuzz::tolerate([&] { mlrun::data::decode_pnm(*pnm, bytes, "input", rgb.data()); });
  return 0;
}
