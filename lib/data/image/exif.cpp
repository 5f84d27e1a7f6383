#include "data/image/exif.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "data/image/png_text.h"
#include "data/image/tiff.h"

namespace mlrun::data {
namespace {

using Bytes = std::string_view;

constexpr int kUpright = 1;

/// The bytes at `at`, at most `count`; empty beyond the end.
Bytes bytes_at(Bytes bytes, std::size_t at, std::size_t count) {
  return at < bytes.size() ? bytes.substr(at, count) : Bytes();
}

bool starts_as(Bytes bytes, Bytes with) { return bytes.substr(0, with.size()) == with; }

/// Of EXIF data, with or without the mark that stands before them in a JPEG; nothing where they do not say.
std::optional<int> orientation_in(Bytes exif) {
  if (starts_as(exif, Bytes("Exif\0\0", 6))) exif.remove_prefix(6);
  return tiff_orientation(TiffDirectory(exif));
}

/// The EXIF data in the first APP1 segment that has some, before the first scan.
Bytes jpeg_exif(Bytes bytes) {
  constexpr std::uint32_t kApp1 = 0xE1, kScan = 0xDA, kEnd = 0xD9;
  std::size_t at = 2;
  while ((at = bytes.find('\xFF', at)) != Bytes::npos) {
    const auto marker = number_at(bytes, ++at, 1, false);
    if (!marker || *marker == kScan || *marker == kEnd) break;
    if (*marker == 0xFF) continue;  // fill byte
    ++at;
    if (*marker <= 0x01 || (*marker >= 0xD0 && *marker <= 0xD8)) continue;  // these have no segment
    const auto length = number_at(bytes, at, 2, false);
    if (!length || *length < 2) break;
    const Bytes segment = bytes_at(bytes, at + 2, *length - 2);
    if (*marker == kApp1 && starts_as(segment, Bytes("Exif\0", 5))) return bytes_at(segment, 6, segment.size());
    at += *length;
  }
  return {};
}

Bytes png_exif(Bytes bytes) {
  constexpr std::size_t kSignature = 8, kFrame = 12;
  std::size_t at = kSignature;
  while (const auto length = number_at(bytes, at, 4, false)) {
    const Bytes type = bytes_at(bytes, at + 4, 4);
    if (type == "eXIf") return bytes_at(bytes, at + 8, *length);
    if (type == "IEND") break;
    at += kFrame + *length;
  }
  return {};
}

Bytes webp_exif(Bytes bytes) {
  constexpr std::size_t kHead = 12;
  std::size_t at = kHead;
  while (const auto length = number_at(bytes, at + 4, 4, true)) {
    if (bytes_at(bytes, at, 4) == "EXIF") return bytes_at(bytes, at + 8, *length);
    at += std::size_t{8} + *length + (*length & 1);  // 32 bits would wrap and never end
  }
  return {};
}

/// EXIF data that ImageMagick writes as text: three lines of head, then hexadecimal digits.
std::string raw_profile(const std::string& text) {
  std::size_t at = 0;
  for (int line = 0; line < 3; ++line) {
    at = text.find('\n', at);
    if (at == std::string::npos) return "";
    ++at;
  }
  std::string bytes;
  int high = -1;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (digit < 0) continue;
    if (high >= 0) bytes += static_cast<char>(high << 4 | digit);
    high = high < 0 ? digit : -1;
  }
  return bytes;
}

/// Of XMP, as Pillow looks for it.
int xmp_orientation(const std::string& xmp) {
  constexpr std::string_view kName = "tiff:Orientation";
  std::size_t at = xmp.find(kName);
  if (at == std::string::npos) return kUpright;
  at += kName.size();
  at += xmp.compare(at, 2, "=\"") == 0 ? 2 : 1;
  return at < xmp.size() && xmp[at] >= '1' && xmp[at] <= '8' ? xmp[at] - '0' : kUpright;
}

/// PNG has its EXIF data in a chunk of their own, as text, or says the orientation in XMP.
int png_orientation(Bytes bytes) {
  const Bytes chunk = png_exif(bytes);
  const std::string profile = chunk.empty() ? raw_profile(png_text(bytes, "Raw profile type exif")) : "";
  const auto orientation = orientation_in(chunk.empty() ? Bytes(profile) : chunk);
  return orientation ? *orientation : xmp_orientation(png_text(bytes, "XML:com.adobe.xmp"));
}

}  // namespace

int exif_orientation(Bytes bytes) {
  if (starts_as(bytes, "\xFF\xD8")) return orientation_in(jpeg_exif(bytes)).value_or(kUpright);
  if (starts_as(bytes, "\x89PNG\r\n\x1a\n")) return png_orientation(bytes);
  if (starts_as(bytes, "RIFF") && bytes_at(bytes, 8, 4) == "WEBP")
    return orientation_in(webp_exif(bytes)).value_or(kUpright);
  return kUpright;
}

}  // namespace mlrun::data
