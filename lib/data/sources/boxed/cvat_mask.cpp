#include "data/sources/boxed/cvat_mask.h"

#include <algorithm>
#include <cstdint>

#include "data/sources/boxed/xml_text.h"

namespace mlrun::data {
namespace {

constexpr std::int64_t kMostPixels = std::int64_t{1} << 28;

/// The pixels of a part along its rows; nothing where the runs do not fill it.
std::optional<std::vector<bool>> pixels_of(std::string_view runs, std::size_t count) {
  std::vector<bool> pixels;
  pixels.reserve(count);
  bool set = false;
  while (!runs.empty()) {
    const auto end = std::min(runs.find(','), runs.size());
    const auto length = number_of(runs.substr(0, end));
    const bool fits = length && *length >= 0 && *length <= static_cast<double>(count - pixels.size());
    if (!fits || *length != static_cast<double>(static_cast<std::int64_t>(*length))) return {};
    pixels.insert(pixels.end(), static_cast<std::size_t>(*length), set);
    set = !set;
    runs.remove_prefix(std::min(end + 1, runs.size()));
  }
  return pixels.size() == count ? std::optional(std::move(pixels)) : std::nullopt;
}

}  // namespace

std::optional<RunLengths> cvat_mask(std::string_view runs, const std::vector<double>& part, std::int64_t height,
                                    std::int64_t width) {
  const auto whole = [](double value) {
    return value >= 0 && value == static_cast<double>(static_cast<std::int64_t>(value));
  };
  if (!std::all_of(part.begin(), part.end(), [&](double value) { return value < 1e9 && whole(value); })) return {};
  const auto left = static_cast<std::int64_t>(part[0]), top = static_cast<std::int64_t>(part[1]);
  const auto across = static_cast<std::int64_t>(part[2]), down = static_cast<std::int64_t>(part[3]);
  if (left + across > width || top + down > height || height * width > kMostPixels) return {};
  const auto pixels = pixels_of(runs, static_cast<std::size_t>(across * down));
  if (!pixels) return {};
  RunLengths mask{height, width, {}};
  bool set = false;
  std::uint32_t length = 0;
  for (std::int64_t x = 0; x < width; ++x) {
    for (std::int64_t y = 0; y < height; ++y) {
      const bool inside = x >= left && x < left + across && y >= top && y < top + down;
      const bool pixel = inside && (*pixels)[static_cast<std::size_t>((y - top) * across + x - left)];
      if (pixel != set) {
        mask.counts.push_back(length);
        set = pixel;
        length = 0;
      }
      ++length;
    }
  }
  mask.counts.push_back(length);
  return mask;
}

}  // namespace mlrun::data
