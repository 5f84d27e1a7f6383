#include "data/loading_threads.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "data/loader.h"
#include "data/parallel_for.h"
#include "support.h"

namespace mlrun::data {
namespace {

/// How `action` ends where no further thread can be started: 2 for a UserError about threads.
int ended_without_threads(const std::function<void()>& action) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    constexpr uid_t kNobody = 65534;
    constexpr unsigned kSeconds = 20;
    if (::geteuid() == 0 && ::setresuid(kNobody, kNobody, kNobody) != 0) ::_exit(99);
    const rlimit limit = {0, 0};
    if (::setrlimit(RLIMIT_NPROC, &limit) != 0) ::_exit(98);
    ::alarm(kSeconds);
    try {
      action();
    } catch (const UserError& error) {
      const std::string text = error.what();
      ::_exit(text.find("threads") != std::string::npos && text.find("ulimit -u") != std::string::npos ? 2 : 97);
    }
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

TEST_CASE("loading threads that the system does not give are an error, not a wait", "[data][loader]") {
  const auto make = [](std::int64_t) { return Batch(); };
  CHECK(ended_without_threads([&] { Loader(0, 4, make, {2, 2}); }) == 2);
  CHECK(ended_without_threads([&] { parallel_for(4, 3, [](std::int64_t) {}); }) == 2);
  CHECK(ended_without_threads([&] { Loader(0, 4, make, {0, 2}).next(); }) == 0);
  CHECK(ended_without_threads([&] { parallel_for(4, 1, [](std::int64_t) {}); }) == 0);
}

TEST_CASE("all of a loop is done by several threads, and its first error is told", "[data]") {
  std::atomic<int> sum{0};
  parallel_for(100, 4, [&](std::int64_t i) { sum += static_cast<int>(i); });
  CHECK(sum == 4950);
  CHECK(test::user_error([] { parallel_for(100, 4, [](std::int64_t) { throw UserError("it is broken"); }); }) ==
        "it is broken");
}

}  // namespace mlrun::data
