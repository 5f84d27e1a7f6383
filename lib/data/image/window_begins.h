#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace mlrun::data {

/// Where along a side of an image windows of `window` pixels (no more than the side has) begin, `stride` apart; the
/// last one ends where the image ends.
inline std::vector<std::int64_t> window_begins(std::int64_t side, std::int64_t window, std::int64_t stride) {
  std::vector<std::int64_t> list = {0};
  while (list.back() + window < side) list.push_back(std::min(list.back() + stride, side - window));
  return list;
}

}  // namespace mlrun::data
