#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "data/sources/boxed/boxed.h"

namespace mlrun::data {

/// What is known of an image file without decoding it.
struct FileHead {
  bool absent = false;
  std::uint64_t bytes = 0;
  std::int64_t height = 0, width = 0;  ///< as stored; 0 where the kind of file does not tell
  int orientation = 1;                 ///< EXIF's, 1 .. 8

  bool turns_sides() const { return orientation >= 5; }
};

/// Of each of `images`, whose paths are relative to `root`.
std::vector<FileHead> read_heads(const std::filesystem::path& root, const std::vector<BoxedImage>& images);

/// Size and orientation of the image file at `path`.
FileHead read_file_head(const std::filesystem::path& path);

}  // namespace mlrun::data
