#include "data/image/exif.h"

#include <cstddef>
#include <cstdint>
#include <optional>

namespace mlrun::data {
namespace {

using Bytes = std::string_view;

constexpr int kUpright = 1;

/// A number of `count` bytes at `at`; nothing where it would end beyond the bytes.
std::optional<std::uint32_t> number_at(Bytes bytes, std::size_t at, std::size_t count, bool little) {
  if (count > bytes.size() || at > bytes.size() - count) return std::nullopt;
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t place = little ? at + count - 1 - i : at + i;
    value = value << 8 | static_cast<unsigned char>(bytes[place]);
  }
  return value;
}

/// The bytes at `at`, at most `count`; empty beyond the end.
Bytes bytes_at(Bytes bytes, std::size_t at, std::size_t count) {
  return at < bytes.size() ? bytes.substr(at, count) : Bytes();
}

bool starts_as(Bytes bytes, Bytes with) { return bytes.substr(0, with.size()) == with; }

bool is_tiff(Bytes bytes) { return starts_as(bytes, Bytes("II*\0", 4)) || starts_as(bytes, Bytes("MM\0*", 4)); }

/// The value of an entry of 12 bytes: one BYTE, SHORT or LONG.
std::optional<std::uint32_t> entry_value(Bytes entry, bool little) {
  constexpr std::size_t kValue = 8;
  const auto type = number_at(entry, 2, 2, little), count = number_at(entry, 4, 4, little);
  if (!type || count != 1U) return std::nullopt;
  switch (*type) {
    case 1: return number_at(entry, kValue, 1, little);
    case 3: return number_at(entry, kValue, 2, little);
    case 4: return number_at(entry, kValue, 4, little);
    default: return std::nullopt;
  }
}

/// Of a TIFF structure: the tag in its first directory.
int tiff_orientation(Bytes tiff) {
  constexpr std::size_t kEntry = 12;
  constexpr std::uint32_t kOrientation = 0x0112;
  if (starts_as(tiff, Bytes("Exif\0\0", 6))) tiff.remove_prefix(6);
  if (!is_tiff(tiff)) return kUpright;
  const bool little = tiff[0] == 'I';
  const auto directory = number_at(tiff, 4, 4, little);
  const auto entries = directory ? number_at(tiff, *directory, 2, little) : std::nullopt;
  if (!entries) return kUpright;
  for (std::uint32_t i = 0; i < *entries; ++i) {
    const Bytes entry = bytes_at(tiff, std::size_t{*directory} + 2 + i * kEntry, kEntry);
    if (entry.size() < kEntry) break;
    if (number_at(entry, 0, 2, little) != kOrientation) continue;
    const auto value = entry_value(entry, little);
    return value && *value >= 1 && *value <= 8 ? static_cast<int>(*value) : kUpright;
  }
  return kUpright;
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

}  // namespace

int exif_orientation(Bytes bytes) {
  if (starts_as(bytes, "\xFF\xD8")) return tiff_orientation(jpeg_exif(bytes));
  if (starts_as(bytes, "\x89PNG\r\n\x1a\n")) return tiff_orientation(png_exif(bytes));
  if (starts_as(bytes, "RIFF") && bytes_at(bytes, 8, 4) == "WEBP") return tiff_orientation(webp_exif(bytes));
  return is_tiff(bytes) ? tiff_orientation(bytes) : kUpright;
}

}  // namespace mlrun::data
