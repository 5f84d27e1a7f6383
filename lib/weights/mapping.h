#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string_view>

#include "base/mapped_files.h"

namespace mlrun::weights {

/// A file in memory, privately: pages are read when they are touched and copied when they are
/// written to. UserError when `path` cannot be read or is not a regular file.
class Mapping {
 public:
  explicit Mapping(const std::filesystem::path& path);
  ~Mapping();
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  std::string_view content() const { return {bytes_, size_}; }
  char* bytes() const { return bytes_; }
  /// Gives back the memory of pages that lie wholly in these bytes and were not written to; they are
  /// read from the file again where they are touched again.
  void release(std::size_t begin, std::size_t size) const;

 private:
  char* bytes_ = nullptr;
  std::size_t size_ = 0;
  std::optional<MappedRange> range_;
};

/// One block of memory for many pieces, of large pages where the system has them: filling it is
/// then several times as fast as filling as many small blocks.
class Arena {
 public:
  /// For pieces of `size` bytes altogether, each rounded up to a multiple of `kAlignment`.
  explicit Arena(std::size_t size);
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  static constexpr std::size_t kAlignment = 64;
  static std::size_t rounded(std::size_t size) { return (size + kAlignment - 1) / kAlignment * kAlignment; }

  /// The next piece; what was asked for in the constructor must suffice.
  char* take(std::size_t size);

 private:
  char* bytes_ = nullptr;
  std::size_t size_ = 0, used_ = 0;
};

}  // namespace mlrun::weights
