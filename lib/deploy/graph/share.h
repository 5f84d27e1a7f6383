#pragma once

#include <algorithm>
#include <cstdint>

/// For the kernels alone, which are compiled with OpenMP.
namespace mlrun::deploy {

/// Floats below which another thread costs more than it saves.
constexpr std::int64_t kKernelGrain = 16384;

/// Shares the numbers from 0 to `count` among threads: `body(first, last)`; `cost` floats are touched for each.
template <class Body>
void share(std::int64_t count, std::int64_t cost, const Body& body) {
  const std::int64_t grain = std::max<std::int64_t>(1, kKernelGrain / std::max<std::int64_t>(1, cost));
  const std::int64_t parts = (count + grain - 1) / grain;
  if (parts <= 1) return body(std::int64_t{0}, count);
#pragma omp parallel for schedule(static)
  for (std::int64_t part = 0; part < parts; ++part) {
    body(part * grain, std::min(count, (part + 1) * grain));
  }
}

}  // namespace mlrun::deploy
