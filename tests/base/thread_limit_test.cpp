#include "base/thread_limit.h"

#include <sys/resource.h>
#include <unistd.h>

#include <iostream>
#include <thread>

#include "base/processes.h"
#include "support.h"

using namespace mlrun;

namespace {

/// No thread can be started after this: the limit is below what this user runs already, and root has none.
bool forbid_threads() {
  constexpr uid_t kNobody = 65534;
  if (::geteuid() == 0 && ::setresuid(kNobody, kNobody, kNobody) != 0) return false;
  const rlimit limit = {0, 0};
  return ::setrlimit(RLIMIT_NPROC, &limit) == 0;
}

}  // namespace

TEST_CASE("threads that the system does not give are an error with a remedy", "[base]") {
  const auto ended = test::in_child([] {
    if (!forbid_threads()) return 99;
    try {
      std::thread([] {}).join();
      return 98;
    } catch (const std::system_error& error) {
      if (!is_thread_limit(error)) return 97;
    }
    try {
      require_threads(3);
    } catch (const UserError& error) {
      std::cerr << error.what() << std::endl;
      return 2;
    }
    return 0;
  });
  CHECK(ended.code == 2);
  CHECK(ended.err ==
        "no further threads can be started: Resource temporarily unavailable; use fewer (--threads, --workers), or "
        "raise the limit (ulimit -u, a container's limit of processes)\n");
}

TEST_CASE("threads that can be started are only looked for", "[base]") {
  CHECK_NOTHROW(require_threads(0));
  CHECK_NOTHROW(require_threads(3));
  CHECK_FALSE(is_thread_limit(std::system_error(std::make_error_code(std::errc::io_error))));
  CHECK_FALSE(is_thread_limit(UserError("x")));
}
