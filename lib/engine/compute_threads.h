#pragma once

#include <cstdint>

#include "base/affinity.h"

namespace mlrun::engine {

/// So many compute threads for LibTorch and for an OpenBLAS that has threads of its own, and all threads of the process
/// kept on as many processors (see ProcessorScope), as long as it lives: what is timed with one thread gets no help.
class ComputeThreads {
 public:
  explicit ComputeThreads(std::int64_t count);
  ~ComputeThreads();
  ComputeThreads(const ComputeThreads&) = delete;
  ComputeThreads& operator=(const ComputeThreads&) = delete;

 private:
  int before_;
  ProcessorScope processors_;
};

}  // namespace mlrun::engine
