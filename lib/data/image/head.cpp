#include "data/image/head.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <optional>

#include "base/error.h"

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

/// The next number of a PNM header, white space and comments before it left out; nothing at its end
/// or where it is no number of a sane size.
std::optional<std::int64_t> pnm_number(std::string_view bytes, std::size_t& at) {
  constexpr std::int64_t kMost = std::int64_t{1} << 31;
  while (at < bytes.size() && (std::isspace(static_cast<unsigned char>(bytes[at])) != 0 || bytes[at] == '#')) {
    at = bytes[at] == '#' ? std::min(bytes.find('\n', at), bytes.size()) : at + 1;
  }
  std::int64_t value = 0;
  const std::size_t begin = at;
  for (; at < bytes.size() && bytes[at] >= '0' && bytes[at] <= '9' && value < kMost; ++at) {
    value = 10 * value + (bytes[at] - '0');
  }
  if (at == begin || value >= kMost) return std::nullopt;
  return value;
}

/// Binary PGM and PPM (P5, P6): header, one white space, rows.
ImageHead read_pnm(std::string_view bytes) {
  ImageHead head;
  std::size_t at = 2;
  const auto width = pnm_number(bytes, at), height = pnm_number(bytes, at), largest = pnm_number(bytes, at);
  if (!width || !height || !largest) return head;
  head.width = *width;
  head.height = *height;
  const std::int64_t sample = (bytes[1] == '6' ? 3 : 1) * (*largest > 255 ? 2 : 1);
  const auto left = static_cast<std::int64_t>(bytes.size() - std::min(bytes.size(), at + 1));
  // By division: the sizes can be anything.
  head.truncated = *width > 0 && *height > left / sample / *width;
  return head;
}

}  // namespace

ImageHead read_image_head(std::string_view bytes) {
  const Reader reader(bytes);
  ImageHead head;
  if (bytes.substr(0, 2) == "\xFF\xD8") return read_jpeg(bytes);
  if (bytes.substr(0, kPngSignature.size()) == kPngSignature) return read_png(bytes);
  if (bytes.substr(0, 2) == "P5" || bytes.substr(0, 2) == "P6") return read_pnm(bytes);
  if (bytes.substr(0, 2) == "BM") {
    head.width = reader.little32(18);
    // Negative heights mean rows from the top.
    head.height = std::llabs(static_cast<std::int32_t>(reader.little32(22)));
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
