#include "engine/compute_threads.h"

#include <dlfcn.h>

#include <ATen/Parallel.h>

#include "base/thread_limit.h"

namespace mlrun::engine {
namespace {

// Debian's OpenBLAS keeps threads of its own, which LibTorch's setting does not reach.
void set_threads(int count) {
  using SetThreads = void (*)(int);
  static const auto of_blas = reinterpret_cast<SetThreads>(::dlsym(RTLD_DEFAULT, "openblas_set_num_threads"));
  at::set_num_threads(count);
  if (of_blas != nullptr) of_blas(count);
}

}  // namespace

ComputeThreads::ComputeThreads(std::int64_t count)
    : before_(at::get_num_threads()), processors_(static_cast<int>(count)) {
  require_threads(2 * static_cast<int>(count));
  set_threads(static_cast<int>(count));
}

ComputeThreads::~ComputeThreads() { set_threads(before_); }

}  // namespace mlrun::engine
