#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <string>

namespace mlrun::test {

/// How a process ended, and what it wrote to stderr and stdout.
struct Ended {
  int code = -1;  ///< 128+n of one that signal n ended
  std::string err, out;
};

inline std::string text_of(std::FILE* file) {
  std::string text;
  std::rewind(file);
  for (int c = std::fgetc(file); c != EOF; c = std::fgetc(file)) text += static_cast<char>(c);
  std::fclose(file);
  return text;
}

/// Runs `action` in a process of its own and ends that with what it returns.
template <class Action>
Ended in_child(const Action& action) {
  std::FILE* err = std::tmpfile();
  std::FILE* out = std::tmpfile();
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::dup2(::fileno(err), STDERR_FILENO);
    ::dup2(::fileno(out), STDOUT_FILENO);
    ::_exit(action());
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  Ended ended{WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status), text_of(err), ""};
  ended.out = text_of(out);
  return ended;
}

}  // namespace mlrun::test
