#include "base/signals.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <initializer_list>

namespace mlrun {
namespace {

volatile std::sig_atomic_t stop = 0;

void remember(int signal) {
  if (signal == SIGINT && stop == SIGINT) {
    std::signal(SIGINT, SIG_DFL);
    std::raise(SIGINT);
  }
  // What is said about a stop may find the pipe closed, too.
  if (signal != SIGPIPE || stop == 0) stop = signal;
}

void watch(int signal) {
  struct sigaction action = {};
  action.sa_handler = remember;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(signal, &action, nullptr);
}

bool is_ignored(int signal) {
  struct sigaction now = {};
  return sigaction(signal, nullptr, &now) == 0 && now.sa_handler == SIG_IGN;
}

}  // namespace

void guard_process() {
  std::signal(SIGXFSZ, SIG_IGN);
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(stream, F_GETFD) >= 0 || errno != EBADF) continue;
    // The lowest free number is this one, as those before it are open.
    const int opened = ::open("/dev/null", stream == STDOUT_FILENO ? O_RDONLY : O_RDWR);
    if (opened >= 0 && opened != stream) ::close(opened);
  }
}

void watch_signals() {
  for (const int signal : {SIGINT, SIGTERM, SIGUSR1, SIGUSR2}) watch(signal);
  if (!is_ignored(SIGHUP)) watch(SIGHUP);
  watch_closed_pipes();
  std::signal(SIGXFSZ, SIG_IGN);
}

void watch_closed_pipes() { watch(SIGPIPE); }

int stop_signal() { return stop; }

void clear_stop_signal() { stop = 0; }

const char* signal_name(int signal) {
  switch (signal) {
    case SIGINT: return "SIGINT";
    case SIGTERM: return "SIGTERM";
    case SIGUSR1: return "SIGUSR1";
    case SIGUSR2: return "SIGUSR2";
    case SIGHUP: return "SIGHUP";
    case SIGPIPE: return "SIGPIPE";
    default: return "a signal";
  }
}

}  // namespace mlrun
