#include <algorithm>
#include <cstdint>
#include <string>

#include "base/error.h"
#include "data/image/head.h"
#include "data/image/pnm.h"
#include "data/image/tiff.h"

namespace mlrun::data {
namespace {

/// What a file must have, as far as its format tells, and what is decoded at once where that is more than the image.
struct Demand {
  std::int64_t bytes = 0;
  std::int64_t pixels = 0;
};

std::int64_t field_of(std::string_view bytes, std::size_t at, std::size_t count) {
  std::int64_t value = 0;
  for (std::size_t i = count; i-- > 0;) {
    value = value << 8 | (at + i < bytes.size() ? static_cast<unsigned char>(bytes[at + i]) : 0);
  }
  return value;
}

/// Rows of a BMP that is not compressed; the last one's padding may be missing.
Demand bmp_demand(std::string_view bytes, const ImageHead& head) {
  constexpr std::int64_t kOldHeader = 12, kRle8 = 1, kRle4 = 2;
  const bool old = field_of(bytes, 14, 4) == kOldHeader;
  const std::int64_t bits = field_of(bytes, old ? 24 : 28, 2), packing = old ? 0 : field_of(bytes, 30, 4);
  if (packing == kRle8 || packing == kRle4 || head.height == 0) return {};
  const std::int64_t row = (head.width * bits + 7) / 8, stride = (head.width * bits + 31) / 32 * 4;
  return {stride * (head.height - 1) + row, 0};
}

/// Deflate makes at most 1032 bytes of one.
Demand png_demand(std::string_view bytes, const ImageHead& head) {
  constexpr std::int64_t kMostExpansion = 1032;
  const std::int64_t depth = field_of(bytes, 24, 1), colour = field_of(bytes, 25, 1);
  const std::int64_t samples = colour == 2 ? 3 : colour == 4 ? 2 : colour == 6 ? 4 : 1;
  return {head.height * (1 + (head.width * depth * samples + 7) / 8) / kMostExpansion, 0};
}

Demand tiff_demand(std::string_view bytes, const ImageHead& head) {
  constexpr std::uint32_t kBits = 258, kCompression = 259, kSamples = 277, kTileWidth = 322, kTileHeight = 323;
  const TiffDirectory directory(bytes);
  const auto tag = [&](std::uint32_t name, std::uint32_t otherwise) {
    return static_cast<std::int64_t>(directory.value_or(name, otherwise));
  };
  Demand demand;
  constexpr std::int64_t kMostSide = std::int64_t{1} << 24;
  demand.pixels = std::min(tag(kTileWidth, 0), kMostSide) * std::min(tag(kTileHeight, 0), kMostSide);
  const std::int64_t bits = std::min<std::int64_t>(tag(kBits, 1), 64) * std::min<std::int64_t>(tag(kSamples, 1), 8);
  if (tag(kCompression, 1) == 1) demand.bytes = head.height * ((head.width * bits + 7) / 8);
  return demand;
}

/// A value takes a digit and a blank, a bit its digit alone.
Demand pnm_demand(std::string_view bytes, const ImageHead& head) {
  const auto pnm = read_pnm_head(bytes);
  if (!pnm || !pnm->text()) return {};
  const std::int64_t values = head.width * head.height * pnm->channels();
  return {pnm->kind == '1' ? values : 2 * values - 1, 0};
}

Demand demand_of(std::string_view bytes, const ImageHead& head) {
  if (bytes.substr(0, 2) == "BM") return bmp_demand(bytes, head);
  if (bytes.substr(0, 4) == "\x89PNG") return png_demand(bytes, head);
  if (is_tiff(bytes)) return tiff_demand(bytes, head);
  return is_pnm(bytes) ? pnm_demand(bytes, head) : Demand();
}

}  // namespace

void check_pixels_fit(std::string_view bytes, const ImageHead& head, const std::string& name) {
  constexpr std::int64_t kSmall = std::int64_t{1} << 24;  // pixels that any file may hold
  constexpr std::int64_t kMostPerByte = 4096;             // pixels of larger images, in a byte of whatever format
  const Demand demand = demand_of(bytes, head);
  const auto size = static_cast<std::int64_t>(bytes.size());
  const std::int64_t pixels = std::max(head.width * head.height, demand.pixels);
  if (demand.bytes <= size && (pixels <= kSmall || pixels / kMostPerByte <= size)) return;
  throw file_error(name,
                   "the image is cut short: " + std::to_string(size) + " bytes cannot hold " +
                       std::to_string(head.width) + " x " + std::to_string(head.height) + " pixels",
                   "mend or remove it");
}

}  // namespace mlrun::data
