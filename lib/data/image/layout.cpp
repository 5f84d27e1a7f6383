#include "data/image/layout.h"

#include <array>
#include <cstdint>

#include "base/error.h"
#include "data/image/head.h"
#include "data/image/tiff.h"

namespace mlrun::data {
namespace {

/// A number of `count` bytes at `at`, the lowest first; zero beyond the end.
std::uint32_t little_number(std::string_view bytes, std::size_t at, std::size_t count) {
  std::uint32_t value = 0;
  for (std::size_t i = count; i-- > 0;) {
    value = value << 8 | (at + i < bytes.size() ? static_cast<unsigned char>(bytes[at + i]) : 0U);
  }
  return value;
}

[[noreturn]] void refuse_bmp(const std::string& name, std::uint32_t bits) {
  throw file_error(name, "the BMP has colours of " + std::to_string(bits) + " bits in an order that is not read",
                   "save it with 24 bits");
}

}  // namespace

ImageLayout bmp_layout(std::string_view bytes, const std::string& name) {
  constexpr std::uint32_t kOldHeader = 12, kBitFields = 3;
  using Masks = std::array<std::uint32_t, 3>;
  if (little_number(bytes, 14, 4) == kOldHeader) return {};
  const std::uint32_t bits = little_number(bytes, 28, 2), packing = little_number(bytes, 30, 4);
  if (bits != 16 && bits != 32) return {};
  ImageLayout layout;
  if (bits == 16) layout.pixels = StoredPixels::FiveBits;
  if (packing != kBitFields) return layout;
  const Masks masks = {little_number(bytes, 54, 4), little_number(bytes, 58, 4), little_number(bytes, 62, 4)};
  if (bits == 32 && masks == Masks{0xFF0000, 0xFF00, 0xFF}) return layout;
  if (bits == 16 && masks == Masks{0x7C00, 0x3E0, 0x1F}) return layout;
  if (bits != 16 || masks != Masks{0xF800, 0x7E0, 0x1F}) refuse_bmp(name, bits);
  layout.pixels = StoredPixels::FiveSixFiveBits;
  return layout;
}

ImageLayout layout_of(std::string_view bytes, const std::string& name) {
  if (is_tiff(bytes)) return tiff_layout(bytes, name);
  if (bytes.substr(0, 2) == "BM") return bmp_layout(bytes, name);
  ImageLayout layout;
  if (read_image_head(bytes).deep_grey) layout.pixels = StoredPixels::DeepGrey;
  return layout;
}

}  // namespace mlrun::data
