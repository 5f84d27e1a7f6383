#pragma once

#include <utility>
#include <vector>

#include <sched.h>

namespace mlrun {

/// The processors this process may use, those first that share no core with one before them.
std::vector<int> usable_processors();

/// Keeps all threads of this process on the first `count` usable processors as long as it lives, whichever library made
/// them; threads that are made meanwhile inherit it. Where `count` is not below what there is, or the system refuses,
/// nothing is changed.
class ProcessorScope {
 public:
  explicit ProcessorScope(int count);
  ~ProcessorScope();
  ProcessorScope(const ProcessorScope&) = delete;
  ProcessorScope& operator=(const ProcessorScope&) = delete;

 private:
  cpu_set_t before_;
  bool changed_ = false;
};

}  // namespace mlrun
