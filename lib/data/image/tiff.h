#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace mlrun::data {

/// The whole number of `count` bytes at `at`, at most four; nothing where it would end beyond the bytes.
std::optional<std::uint32_t> number_at(std::string_view bytes, std::size_t at, std::size_t count, bool little);

/// The first directory of a TIFF structure (TIFF 6.0, section 2), as TIFF files and EXIF data have one. Whatever the
/// bytes are, nothing beyond them is read.
class TiffDirectory {
 public:
  struct Entry {
    std::uint32_t type = 0, count = 0;
    std::size_t at = 0;  ///< of the first value
  };

  /// The bytes must outlive it.
  explicit TiffDirectory(std::string_view bytes);

  /// False where the bytes are no TIFF structure or end before its directory.
  bool found() const { return first_ != 0; }
  bool little_endian() const { return little_; }
  std::optional<Entry> find(std::uint32_t tag) const;
  /// The value at `index` of a BYTE, SHORT or LONG entry; nothing where there is none.
  std::optional<std::uint32_t> value(const Entry& entry, std::uint32_t index = 0) const;
  /// The first value of a tag, or `otherwise`.
  std::uint32_t value_or(std::uint32_t tag, std::uint32_t otherwise) const;

 private:
  std::optional<std::uint32_t> number(std::size_t at, std::size_t count) const {
    return number_at(bytes_, at, count, little_);
  }

  std::string_view bytes_;
  bool little_ = true;
  std::size_t first_ = 0;  // of the first entry; 0: there is no directory
  std::uint32_t entries_ = 0;
};

/// True where the bytes begin as a TIFF structure does, BigTIFF excepted.
bool is_tiff(std::string_view bytes);

/// The tag 0x0112 of a TIFF structure, 1 .. 8; 1, upright, where it is none of these, and nothing where it is absent.
std::optional<int> tiff_orientation(const TiffDirectory& directory);

}  // namespace mlrun::data
