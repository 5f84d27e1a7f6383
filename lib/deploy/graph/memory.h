#pragma once

#include <cstddef>
#include <vector>

namespace mlrun::deploy {

/// A buffer that is needed from one step of a program to another, both included.
struct BufferLife {
  std::size_t bytes = 0;
  int first = 0, last = 0;
};

struct ArenaPlan {
  std::vector<std::size_t> offsets;  ///< of each buffer, aligned
  std::size_t bytes = 0;
};

/// Lays buffers into one piece of memory so that those which are needed at the same time do not overlap: the largest
/// first, each at the lowest place that is free for its whole life.
ArenaPlan plan_arena(const std::vector<BufferLife>& buffers, std::size_t alignment = 64);

}  // namespace mlrun::deploy
