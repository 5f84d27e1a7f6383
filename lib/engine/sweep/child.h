#pragma once

#include <sys/types.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"

namespace mlrun::engine {

/// A command of mlrun with --json in a process of its own, out of reach of the terminal's Ctrl-C. It is
/// told to stop (SIGTERM) when this object or this whole process ends before it, however that ends.
class ChildCommand {
 public:
  ChildCommand(const std::filesystem::path& program, std::vector<std::string> words);
  ~ChildCommand();
  ChildCommand(const ChildCommand&) = delete;
  ChildCommand& operator=(const ChildCommand&) = delete;

  /// Whether it has ended; does not wait.
  bool ended();
  void stop() const;

  /// Of one that has ended, as a shell has it: 128+n where signal n ended it.
  int code() const { return code_; }
  /// Why it failed: the errors it printed, or else what can be told.
  std::vector<Problem> problems() const;

 private:
  [[noreturn]] void become(const char* program, char** arguments, pid_t parent) const;

  using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;
  File out_, err_;
  pid_t pid_ = 0;
  int code_ = -1;
};

}  // namespace mlrun::engine
