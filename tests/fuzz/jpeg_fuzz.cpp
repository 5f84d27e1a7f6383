#include "data/image/decode_jpeg.h"

#include <vector>

#include "fuzz/fuzz.h"

#ifdef MLRUN_WITH_JPEG

namespace {

struct TooLarge {};

}  // namespace

/// Decodes a JPEG file. Images beyond a quarter of a megapixel are given up, so that runs stay quick.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::uint8_t> pixels;
  const auto memory = [&pixels](std::int64_t height, std::int64_t width) {
    if (height > (1 << 18) / width) throw TooLarge();
    pixels.resize(static_cast<std::size_t>(3 * height * width));
    return pixels.data();
  };
  mlrun::fuzz::tolerate([&] {
    try {
      mlrun::data::decode_jpeg(mlrun::fuzz::bytes_of(data, size), "input.jpg", memory);
    } catch (const TooLarge&) {}
  });
  return 0;
}

#else

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t*, std::size_t) { return 0; }

#endif
