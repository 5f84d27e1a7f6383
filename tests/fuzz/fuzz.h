#pragma once

#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "base/error.h"

/// What the fuzz targets share. A target gives the bytes to a parser; whatever else than a UserError comes out of it
/// ends the process, which libFuzzer reports with the input.
namespace mlrun::fuzz {

/// A property that holds for every input.
inline void require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "broken property: %s\n", what);
  std::abort();
}

/// Runs `action`; a UserError is how it refuses its input, and has one line for each problem.
template <class Action>
void tolerate(Action action) {
  try {
    action();
  } catch (const UserError& error) {
    require(!error.problems().empty(), "an error says what is wrong");
    for (const auto& problem : error.problems()) {
      require(problem.text().find('\n') == std::string::npos, "a problem is one line");
      require(problem.text().size() < 20000, "a problem is not a page");
    }
  }
}

inline std::string_view bytes_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// A folder of this process in memory, for parsers that want files; removed at the end.
class Folder {
 public:
  Folder() {
    const bool memory = ::access("/dev/shm", W_OK) == 0;
    path_ = std::filesystem::path(memory ? "/dev/shm" : "/tmp") / ("mlrun-fuzz-" + std::to_string(::getpid()));
    std::filesystem::create_directories(path_);
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::filesystem::path write(const std::string& name, std::string_view bytes) const {
    const auto file = path_ / name;
    std::ofstream(file, std::ios::binary) << bytes;
    return file;
  }

 private:
  std::filesystem::path path_;
};

inline const Folder& folder() {
  static const Folder instance;
  return instance;
}

}  // namespace mlrun::fuzz
