#include "data/image/kind.h"

namespace mlrun::data {
namespace {

unsigned kind_byte(std::string_view bytes, std::size_t at) {
  return at < bytes.size() ? static_cast<unsigned char>(bytes[at]) : 0U;
}

/// From the number of components in the frame header (ISO/IEC 10918-1, B.2.2).
std::string jpeg_kind(std::string_view bytes) {
  constexpr std::size_t kComponents = 9;  // bytes from the marker to the number of components
  std::size_t at = 2;
  while (at + kComponents < bytes.size()) {
    if (kind_byte(bytes, at) != 0xFF) return "JPEG";
    const unsigned marker = kind_byte(bytes, at + 1);
    if (marker == 0xFF) {
      ++at;
      continue;
    }
    const bool frame = marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
    if (frame) {
      const unsigned components = kind_byte(bytes, at + kComponents);
      return components == 1 ? "JPEG grey" : components == 3 ? "JPEG RGB" : components == 4 ? "JPEG CMYK" : "JPEG";
    }
    at += 2 + (kind_byte(bytes, at + 2) << 8 | kind_byte(bytes, at + 3));
  }
  return "JPEG";
}

/// From IHDR's bit depth and colour type (ISO/IEC 15948, 11.2.2).
std::string png_kind(std::string_view bytes) {
  const std::string depth = kind_byte(bytes, 24) == 16 ? " 16 bit" : "";
  switch (kind_byte(bytes, 25)) {
    case 0: return "PNG grey" + depth;
    case 2: return "PNG RGB" + depth;
    case 3: return "PNG palette";
    case 4: return "PNG grey+alpha" + depth;
    case 6: return "PNG RGBA" + depth;
    default: return "PNG";
  }
}

}  // namespace

std::string image_kind(std::string_view bytes) {
  const auto begins = [bytes](std::string_view with) { return bytes.substr(0, with.size()) == with; };
  if (begins("\xFF\xD8")) return jpeg_kind(bytes);
  if (begins("\x89PNG\r\n\x1a\n")) return png_kind(bytes);
  if (begins("RIFF") && bytes.substr(0, 16).find("WEBP") != std::string_view::npos) return "WebP";
  if (begins(std::string_view("II*\0", 4)) || begins(std::string_view("MM\0*", 4))) return "TIFF";
  if (begins("BM")) return "BMP";
  if (begins("GIF8")) return "GIF";
  if (bytes.size() > 2 && bytes[0] == 'P' && bytes[1] >= '1' && bytes[1] <= '7') return "PNM";
  return "unknown";
}

}  // namespace mlrun::data
