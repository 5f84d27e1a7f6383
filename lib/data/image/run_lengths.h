#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mlrun::data {

/// A mask as COCO writes it: runs of 0 and 1 in turn down its columns, from the left; the first is of 0 and may be
/// empty, no other is.
struct RunLengths {
  std::int64_t height = 0, width = 0;
  std::vector<std::uint32_t> counts;

  /// Pixels of 1.
  std::int64_t area() const;
};

/// Most pixels of a mask that has runs.
constexpr std::int64_t kMostRunPixels = std::int64_t{1} << 31;

/// Corners of a polygon in fifths of a pixel, x and y in turn, as they are rasterised.
using Outline = std::vector<std::int32_t>;

/// x and y in turn, in pixels. Nothing where these are no polygon: fewer than three corners, an odd count, or a number
/// that is not finite or farther than 100,000 pixels off.
std::optional<Outline> outline_of(const std::vector<double>& corners);

/// The pixels inside a polygon, equal to those of COCO's API (rleFrPoly) to the bit: boundaries are walked at five
/// times the size, and a pixel belongs to it where an odd number of them lies above its centre's.
RunLengths rasterised(const Outline& outline, std::int64_t height, std::int64_t width);

/// Runs as they stand in a file; nothing where they do not fill the mask exactly.
std::optional<RunLengths> runs_of(const std::vector<std::uint32_t>& counts, std::int64_t height, std::int64_t width);

/// COCO's compressed text (its API's rleFrString); nothing where it is none or does not fill the mask exactly.
std::optional<RunLengths> parse_runs(std::string_view text, std::int64_t height, std::int64_t width);

/// The pixels that any of the masks has; all are of one size.
RunLengths united(const std::vector<RunLengths>& masks);

/// Calls `pixel(y, x)` for each pixel of 1.
template <class Action>
void for_each_pixel(const RunLengths& mask, const Action& pixel) {
  std::int64_t place = 0;
  for (std::size_t i = 0; i < mask.counts.size(); ++i) {
    const std::int64_t end = place + mask.counts[i];
    if (i % 2 == 1) {
      for (std::int64_t at = place; at < end; ++at) pixel(at % mask.height, at / mask.height);
    }
    place = end;
  }
}

}  // namespace mlrun::data
