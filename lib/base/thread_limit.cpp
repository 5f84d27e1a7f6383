#include "base/thread_limit.h"

#include <unistd.h>

#include <algorithm>
#include <future>
#include <thread>
#include <vector>

namespace mlrun {

bool is_thread_limit(const std::exception& error) {
  const auto* system = dynamic_cast<const std::system_error*>(&error);
  return system != nullptr && system->code() == std::errc::resource_unavailable_try_again;
}

UserError thread_error(const std::error_code& reason) {
  return UserError(
      "no further threads can be started: " + reason.message(),
      "use fewer (--threads, --workers), or raise the limit (ulimit -u, a container's limit of processes)");
}

int machine_processors() { return static_cast<int>(std::max(1L, ::sysconf(_SC_NPROCESSORS_ONLN))); }

void require_threads(int count) {
  std::promise<void> all_started;
  const std::shared_future<void> end = all_started.get_future().share();
  std::vector<std::thread> threads;
  std::error_code missing;
  try {
    for (int i = 0; i < count; ++i) threads.emplace_back([end] { end.wait(); });
  } catch (const std::system_error& error) {
    missing = error.code();
  }
  all_started.set_value();
  for (auto& thread : threads) thread.join();
  if (missing) throw thread_error(missing);
}

}  // namespace mlrun
