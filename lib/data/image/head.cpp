#include "data/image/head.h"

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <utility>

#include "base/error.h"
#include "data/image/pnm.h"
#include "data/image/tiff.h"

namespace mlrun::data {
namespace {

constexpr std::string_view kPngSignature("\x89PNG\r\n\x1a\n", 8);

/// Numbers at places in a file; zero beyond its end.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  std::uint32_t byte(std::size_t at) const { return at < bytes_.size() ? static_cast<unsigned char>(bytes_[at]) : 0U; }
  std::uint32_t big16(std::size_t at) const { return byte(at) << 8 | byte(at + 1); }
  std::uint32_t big32(std::size_t at) const { return big16(at) << 16 | big16(at + 2); }
  std::uint32_t little32(std::size_t at) const {
    return byte(at) | byte(at + 1) << 8 | byte(at + 2) << 16 | byte(at + 3) << 24;
  }

 private:
  std::string_view bytes_;
};

/// SOF0 .. SOF15 without the three that share their range: DHT, JPG, DAC.
bool starts_frame(std::uint32_t marker) {
  return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

/// Markers without a segment: TEM, RST0 .. RST7, SOI; and the zero stuffed into coded data.
bool stands_alone(std::uint32_t marker) { return marker <= 0x01 || (marker >= 0xD0 && marker <= 0xD8); }

ImageHead read_jpeg(std::string_view bytes) {
  constexpr std::uint32_t kEndOfImage = 0xD9;
  const Reader reader(bytes);
  ImageHead head;
  std::size_t at = 2;
  while ((at = bytes.find('\xFF', at)) != std::string_view::npos) {
    const std::uint32_t marker = reader.byte(++at);
    if (marker == 0xFF) continue;  // fill byte
    ++at;
    if (marker == kEndOfImage) return head;
    if (stands_alone(marker)) continue;
    if (starts_frame(marker) && head.width == 0) {
      head.height = reader.big16(at + 3);
      head.width = reader.big16(at + 5);
    }
    at += reader.big16(at);
  }
  head.truncated = true;
  return head;
}

ImageHead read_png(std::string_view bytes) {
  constexpr std::uint32_t kEnd = 0x49454E44;  // "IEND"
  constexpr std::uint64_t kChunkFrame = 12;   // length, type and check sum around a chunk's data
  const Reader reader(bytes);
  ImageHead head;
  head.width = reader.big32(16);
  head.height = reader.big32(20);
  head.deep_grey = reader.big16(24) == 0x1000;  // 16 bits, colour type 0
  std::uint64_t at = kPngSignature.size();
  while (at + kChunkFrame <= bytes.size()) {
    const bool last = reader.big32(at + 4) == kEnd;
    at += kChunkFrame + reader.big32(at);
    if (last && at <= bytes.size()) return head;
  }
  head.truncated = true;
  return head;
}

ImageHead read_pnm(std::string_view bytes) {
  ImageHead head;
  const auto pnm = read_pnm_head(bytes);
  if (!pnm) return head;
  head.width = pnm->width;
  head.height = pnm->height;
  head.truncated = pnm_truncated(*pnm, bytes);
  return head;
}

ImageHead read_tiff(std::string_view bytes) {
  constexpr std::uint32_t kWidth = 0x0100, kHeight = 0x0101;
  const TiffDirectory directory(bytes);
  ImageHead head;
  head.width = directory.value_or(kWidth, 0);
  head.height = directory.value_or(kHeight, 0);
  if (tiff_orientation(directory).value_or(1) > 4) std::swap(head.width, head.height);  // as it is shown
  return head;
}

/// The canvas of VP8X, or the frame of the only other two kinds (RFC 9649).
ImageHead read_webp(std::string_view bytes) {
  const Reader reader(bytes);
  const std::string_view kind = bytes.substr(std::min<std::size_t>(12, bytes.size()), 4);
  ImageHead head;
  if (kind == "VP8X" && bytes.size() >= 30) {
    head.width = 1 + (reader.little32(24) & 0xFFFFFF);
    head.height = 1 + (reader.little32(26) >> 8);
  } else if (kind == "VP8L" && reader.byte(20) == 0x2F) {
    head.width = 1 + (reader.little32(21) & 0x3FFF);
    head.height = 1 + (reader.little32(21) >> 14 & 0x3FFF);
  } else if (kind == "VP8 " && bytes.size() >= 30) {
    head.width = reader.little32(26) & 0x3FFF;
    head.height = reader.little32(26) >> 16 & 0x3FFF;
  }
  return head;
}

}  // namespace

ImageHead read_image_head(std::string_view bytes) {
  const Reader reader(bytes);
  ImageHead head;
  if (bytes.substr(0, 2) == "\xFF\xD8") return read_jpeg(bytes);
  if (bytes.substr(0, kPngSignature.size()) == kPngSignature) return read_png(bytes);
  if (is_pnm(bytes)) return read_pnm(bytes);
  if (is_tiff(bytes)) return read_tiff(bytes);
  if (bytes.substr(0, 4) == "RIFF" && bytes.substr(0, 12).substr(std::min<std::size_t>(8, bytes.size())) == "WEBP") {
    return read_webp(bytes);
  }
  if (bytes.substr(0, 2) == "BM") {
    constexpr std::uint32_t kOldHeader = 12;
    const bool old = reader.little32(14) == kOldHeader;  // OS/2's, with sides of 16 bits
    head.width = old ? reader.little32(18) & 0xFFFF : reader.little32(18);
    // Negative heights mean rows from the top.
    head.height = old ? reader.little32(18) >> 16 : std::llabs(static_cast<std::int32_t>(reader.little32(22)));
  }
  return head;
}

void check_pixel_count(std::int64_t width, std::int64_t height, const std::string& name) {
  constexpr std::int64_t kMostPixels = std::int64_t{1} << 28;
  // By division: a header can hold anything.
  if (width <= 0 || height <= kMostPixels / width) return;
  throw file_error(name,
                   "the image is too large: " + std::to_string(width) + " x " + std::to_string(height) + " pixels",
                   "make it smaller than 2^28 pixels");
}

}  // namespace mlrun::data
