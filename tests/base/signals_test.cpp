#include "base/signals.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "support.h"

using namespace mlrun;

namespace {

/// What this process does at signals, as it was, when this ends.
class Handlers {
 public:
  Handlers() {
    for (const int signal : kSignals) {
      before_.emplace_back();
      sigaction(signal, nullptr, &before_.back());
    }
    clear_stop_signal();
  }
  ~Handlers() {
    for (std::size_t i = 0; i < before_.size(); ++i) sigaction(kSignals[i], &before_[i], nullptr);
    clear_stop_signal();
  }

 private:
  static constexpr int kSignals[] = {SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGHUP, SIGPIPE, SIGXFSZ};
  std::vector<struct sigaction> before_;
};

/// Writes where nobody reads any more.
int write_to_closed_pipe() {
  int ends[2] = {-1, -1};
  REQUIRE(::pipe(ends) == 0);
  ::close(ends[0]);
  const int error = ::write(ends[1], "x", 1) < 0 ? errno : 0;
  ::close(ends[1]);
  return error;
}

}  // namespace

TEST_CASE("signals that end a process are remembered, and named", "[base]") {
  const Handlers handlers;
  ::signal(SIGHUP, SIG_DFL);
  watch_signals();
  for (const auto& [signal, name] :
       {std::pair(SIGTERM, "SIGTERM"), {SIGUSR1, "SIGUSR1"}, {SIGUSR2, "SIGUSR2"}, {SIGHUP, "SIGHUP"}}) {
    ::raise(signal);
    CHECK(stop_signal() == signal);
    CHECK(std::string(signal_name(signal)) == name);
  }
}

TEST_CASE("a SIGHUP that was ignored stays so", "[base]") {
  const Handlers handlers;
  ::signal(SIGHUP, SIG_IGN);
  watch_signals();
  ::raise(SIGHUP);
  CHECK(stop_signal() == 0);
}

TEST_CASE("a pipe that nobody reads asks to stop, unless something else has", "[base]") {
  for (const auto& before : {SIG_DFL, SIG_IGN}) {
    const Handlers handlers;
    ::signal(SIGPIPE, before);
    watch_closed_pipes();
    CHECK(write_to_closed_pipe() == EPIPE);
    CHECK(stop_signal() == SIGPIPE);
    CHECK(std::string(signal_name(SIGPIPE)) == "SIGPIPE");
    clear_stop_signal();
    watch_signals();
    ::raise(SIGTERM);
    CHECK(write_to_closed_pipe() == EPIPE);
    CHECK(stop_signal() == SIGTERM);
  }
}
