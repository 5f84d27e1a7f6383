#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mlrun::weights {

struct ZipEntry {
  std::string name;
  std::uint64_t begin = 0;   ///< where its bytes begin in the archive
  std::uint64_t stored = 0;  ///< bytes in the archive
  std::uint64_t size = 0;    ///< bytes of its content
  std::uint32_t crc = 0;
  bool deflated = false;
};

/// Reads and checks the directory of a zip archive (zip64 too) whose whole content is `content`:
/// every entry lies in the archive, apart from the others and as its local header says, is stored
/// or deflated and not encrypted, has a name of its own that stays below the archive's folder; what
/// is deflated expands to at most 64 MiB and 20 times the archive. UserError that names `file`.
std::vector<ZipEntry> parse_zip(std::string_view content, const std::string& file);

/// The content of `entry` in full, inflated where it is deflated; UserError when it does not have
/// the size and the checksum that the directory says.
std::string zip_content(std::string_view archive, const ZipEntry& entry, const std::string& file);

}  // namespace mlrun::weights
