#pragma once

#include <filesystem>
#include <string>

#include "base/files.h"
#include "base/log.h"
#include "support.h"

namespace mlrun::test {

/// What `action` writes to the log, without the times; nothing goes to stderr meanwhile.
template <class Action>
std::string logged(Action action) {
  const TempDir folder;
  log::set_level(log::Level::Off);
  log::set_file(folder / "log");
  action();
  log::set_file("");
  log::set_level(log::Level::Info);
  constexpr std::size_t kTime = 24;  // of a line: date, time and a blank
  std::string text = read_file(folder / "log"), lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\n', begin) + 1;
    lines += text.substr(begin + kTime, end - begin - kTime);
    begin = end;
  }
  return lines;
}

}  // namespace mlrun::test
