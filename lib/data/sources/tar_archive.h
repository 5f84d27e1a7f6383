#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace mlrun::data {

/// A regular file in a tar archive.
struct TarEntry {
  std::string name;
  std::uint64_t offset = 0;  ///< of its bytes in the archive
  std::uint64_t size = 0;
};

/// Gives `count` bytes of a file from `at` on, fewer where it ends before.
using ReadAt = std::function<std::string(std::uint64_t at, std::size_t count)>;

/// The regular files of an archive of `size` bytes in their order; of their bytes none is read. Knows POSIX
/// ustar, pax headers (path and size) and GNU's long names and large sizes; links, folders and devices are
/// passed over. An archive may end without its closing blocks. UserError at `name` where it is no tar file,
/// damaged or cut short.
std::vector<TarEntry> read_tar(const ReadAt& read, std::uint64_t size, const std::string& name);

/// What stands before a file of `size` bytes in an archive: a ustar header, with a pax header before it where
/// name or size need one. Owner 0, mode 0644, time 0: the same bytes whoever writes them, and when.
std::string tar_header(const std::string& name, std::uint64_t size);
/// The bytes of zero that fill up the last block of a file of `size` bytes.
std::string tar_padding(std::uint64_t size);
/// What ends an archive.
std::string tar_end();

}  // namespace mlrun::data
