#include "data/loading_threads.h"

#include <dlfcn.h>

#include <string>

#include <ATen/Parallel.h>

#include "base/thread_limit.h"

namespace mlrun::data {

void compute_alone() {
  at::get_num_threads();  // sets this thread's default, which would otherwise overwrite ours later
  using SetThreads = void (*)(int);
  static const auto set_threads = reinterpret_cast<SetThreads>(::dlsym(RTLD_DEFAULT, "omp_set_num_threads"));
  if (set_threads != nullptr) set_threads(1);
}

void require_loading_threads(std::int64_t count) {
  try {
    require_threads(static_cast<int>(count) + at::get_num_threads());
  } catch (const UserError& error) {
    throw UserError("cannot start " + std::to_string(count) + " loading threads: " + error.problems().front().message,
                    error.problems().front().hint);
  }
}

}  // namespace mlrun::data
