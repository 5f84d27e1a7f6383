#include "data/image/exif.h"
#include "data/image/head.h"
#include "fuzz/fuzz.h"

/// What an image file says of itself: sizes, whether it is cut, its EXIF orientation.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = mlrun::fuzz::bytes_of(data, size);
  const auto head = mlrun::data::read_image_head(bytes);
  mlrun::fuzz::require(head.width >= 0 && head.height >= 0, "sizes are not negative");
  mlrun::fuzz::tolerate([&] { mlrun::data::check_pixel_count(head.width, head.height, "input"); });
  const int orientation = mlrun::data::exif_orientation(bytes);
  mlrun::fuzz::require(orientation >= 1 && orientation <= 8, "an orientation is one of eight");
  return 0;
}
