#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

#include "base/error.h"

namespace mlrun {

/// The UserError of a `path` that could not be read with `error` (an errno).
UserError read_error(const std::filesystem::path& path, int error);

/// A regular file that is open for reading: the one way in which what users name is opened. Folders, devices, pipes and
/// sockets are UserErrors that say so; none is ever waited for.
class InputFile {
 public:
  explicit InputFile(std::filesystem::path path);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  int descriptor() const { return descriptor_; }
  /// Bytes when it was opened; 0 also where the system makes its content up (/proc).
  std::uint64_t size() const { return size_; }

  /// The next bytes, at most `size`; how many came, 0 at the end.
  std::size_t read(char* bytes, std::size_t size) const;
  /// Fills `bytes` from byte `at` on; how many came, fewer than `size` where the file ends.
  std::size_t read_at(std::uint64_t at, char* bytes, std::size_t size) const;

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
};

/// UserError unless `path` is a regular file that can be opened, for what others then read.
inline void check_input(const std::filesystem::path& path) { const InputFile file(path); }

/// The first `size` bytes of a file, fewer where it ends earlier.
std::string read_head(const std::filesystem::path& path, std::size_t size);

}  // namespace mlrun
