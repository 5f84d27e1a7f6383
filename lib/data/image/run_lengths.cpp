#include "data/image/run_lengths.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numeric>
#include <utility>

namespace mlrun::data {
namespace {

constexpr int kScale = 5;
constexpr double kFarthest = 1e5;  // pixels

/// Where the runs of a mask change, in any order, to its runs. A place that stands there twice changes nothing.
RunLengths between(std::vector<std::int64_t> changes, std::int64_t height, std::int64_t width) {
  std::sort(changes.begin(), changes.end());
  RunLengths mask{height, width, {}};
  const std::int64_t end = height * width;
  std::int64_t last = 0;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    if (i + 1 < changes.size() && changes[i] == changes[i + 1]) {
      ++i;
      continue;
    }
    mask.counts.push_back(static_cast<std::uint32_t>(changes[i] - last));
    last = changes[i];
  }
  if (last < end || mask.counts.empty()) mask.counts.push_back(static_cast<std::uint32_t>(end - last));
  return mask;
}

/// Walks the boundary of a polygon in steps of a fifth of a pixel, and notes where it crosses the middle of a column of
/// pixels: below that place the mask changes.
class Boundary {
 public:
  Boundary(std::int64_t height, std::int64_t width) : height_(height), width_(width) {}

  void edge(int from_x, int from_y, int to_x, int to_y) {
    const int across = std::abs(to_x - from_x), down = std::abs(to_y - from_y);
    if (across == 0 && down == 0) return;
    const bool flat = across >= down;
    const bool back = flat ? from_x > to_x : from_y > to_y;  // an edge has the same points in both directions
    const int x = back ? to_x : from_x, y = back ? to_y : from_y;
    const int other_x = back ? from_x : to_x, other_y = back ? from_y : to_y;
    const int steps = flat ? across : down;
    const double slope = flat ? static_cast<double>(other_y - y) / across : static_cast<double>(other_x - x) / down;
    for (int step = 0; step <= steps; ++step) {
      const int t = back ? steps - step : step;
      if (flat) point(x + t, static_cast<int>(y + slope * t + .5));
      else point(static_cast<int>(x + slope * t + .5), y + t);
    }
  }

  std::vector<std::int64_t> take() { return std::move(changes_); }

 private:
  void point(int x, int y) {
    if (std::exchange(begun_, true) && x != x_) cross(x < x_ ? x : x - 1, std::min(y, y_));
    x_ = x;
    y_ = y;
  }

  /// `x` is the fifth on whose right side the boundary passes.
  void cross(int x, int y) {
    constexpr int kMiddle = kScale / 2;
    if (x < kMiddle || x % kScale != kMiddle || x / kScale >= width_) return;
    const std::int64_t row = y <= kMiddle ? 0 : (std::int64_t{y} + kMiddle) / kScale;
    changes_.push_back(x / kScale * height_ + std::min(row, height_));
  }

  std::int64_t height_, width_;
  std::vector<std::int64_t> changes_;
  bool begun_ = false;
  int x_ = 0, y_ = 0;
};

}  // namespace

std::int64_t RunLengths::area() const {
  std::int64_t pixels = 0;
  for (std::size_t i = 1; i < counts.size(); i += 2) pixels += counts[i];
  return pixels;
}

std::optional<Outline> outline_of(const std::vector<double>& corners) {
  constexpr std::size_t kFewest = 6;
  if (corners.size() < kFewest || corners.size() % 2 != 0) return {};
  Outline outline;
  for (const double value : corners) {
    if (!std::isfinite(value) || std::abs(value) > kFarthest) return {};
    outline.push_back(static_cast<std::int32_t>(kScale * value + .5));
  }
  return outline;
}

RunLengths rasterised(const Outline& outline, std::int64_t height, std::int64_t width) {
  Boundary boundary(height, width);
  for (std::size_t i = 0; i + 1 < outline.size(); i += 2) {
    const std::size_t next = i + 2 < outline.size() ? i + 2 : 0;
    boundary.edge(outline[i], outline[i + 1], outline[next], outline[next + 1]);
  }
  return between(boundary.take(), height, width);
}

std::optional<RunLengths> runs_of(const std::vector<std::uint32_t>& counts, std::int64_t height, std::int64_t width) {
  std::vector<std::int64_t> changes;
  std::int64_t place = 0;
  for (const auto count : counts) {
    place += count;
    if (place > height * width) return {};
    changes.push_back(place);
  }
  if (place != height * width) return {};
  if (!changes.empty()) changes.pop_back();  // the end
  return between(std::move(changes), height, width);
}

std::optional<RunLengths> parse_runs(std::string_view text, std::int64_t height, std::int64_t width) {
  constexpr int kFirst = 48, kBits = 5, kMore = 0x20, kMostParts = 7;
  std::vector<std::uint32_t> counts;
  for (std::size_t at = 0; at < text.size();) {
    std::int64_t value = 0;
    bool more = true;
    for (int part = 0; more; ++part) {
      if (at == text.size() || part == kMostParts) return {};
      const int c = static_cast<unsigned char>(text[at++]) - kFirst;
      if (c < 0 || c >= 64) return {};
      value |= std::int64_t{c & 0x1F} << (kBits * part);
      more = (c & kMore) != 0;
      if (!more && (c & 0x10) != 0) value |= -(std::int64_t{1} << (kBits * (part + 1)));
    }
    if (counts.size() > 2) value += counts[counts.size() - 2];  // differences to the run before the last
    if (value < 0 || value > height * width) return {};
    counts.push_back(static_cast<std::uint32_t>(value));
  }
  return runs_of(counts, height, width);
}

RunLengths united(const std::vector<RunLengths>& masks) {
  if (masks.size() == 1) return masks.front();
  std::vector<std::pair<std::int64_t, int>> ends;  // of runs of 1: where one begins, +1, and where it ends, -1
  for (const auto& mask : masks) {
    std::int64_t place = 0;
    for (std::size_t i = 0; i < mask.counts.size(); ++i) {
      if (i % 2 == 1) ends.emplace_back(place, 1), ends.emplace_back(place + mask.counts[i], -1);
      place += mask.counts[i];
    }
  }
  std::sort(ends.begin(), ends.end());
  std::vector<std::int64_t> changes;
  int depth = 0;
  for (const auto& [place, step] : ends) {
    if (depth == 0 || depth + step == 0) changes.push_back(place);
    depth += step;
  }
  const std::int64_t height = masks.empty() ? 0 : masks.front().height, width = masks.empty() ? 0 : masks.front().width;
  changes.erase(std::remove(changes.begin(), changes.end(), height * width), changes.end());
  return between(std::move(changes), height, width);
}

}  // namespace mlrun::data
