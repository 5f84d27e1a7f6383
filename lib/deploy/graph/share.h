#pragma once

#include <algorithm>
#include <cstdint>

// For the kernels alone, which include this last. They are compiled with OpenMP where the compiler's runtime is the one
// that LibTorch and oneDNN share, else one thread runs these small loops. Each loop that is marked so exists for AVX2
// and for the processor that the build is for; the loader chooses.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O3", "no-math-errno", "no-trapping-math")
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define MLRUN_CLONES __attribute__((target_clones("arch=haswell", "default")))
#endif
#endif
#ifndef MLRUN_CLONES
#define MLRUN_CLONES
#endif
#define MLRUN_INLINE __attribute__((always_inline))
// Results may lie where the operands lie, element for element: no reason not to vectorise.
#if defined(__clang__)
#define MLRUN_ELEMENTWISE _Pragma("clang loop vectorize(assume_safety)")
#else
#define MLRUN_ELEMENTWISE _Pragma("GCC ivdep")
#endif

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
