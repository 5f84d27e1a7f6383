#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace mlrun::data {

/// What the header of an idx file says; the bytes follow it.
struct IdxHeader {
  std::vector<std::int64_t> dims;
  std::uint64_t offset = 0;  ///< of the first value, in bytes
  std::uint64_t values = 0;  ///< product of dims
};

/// Reads and checks the header of an idx file (plain or gzip) of unsigned bytes with `rank`
/// dimensions. UserError for anything else, also for a header that promises more than a file of
/// this size can hold.
IdxHeader read_idx_header(const std::filesystem::path& path, std::size_t rank);

/// All bytes of the file, header included; UserError where it is damaged or longer or shorter than
/// `header` says.
std::string read_idx_bytes(const std::filesystem::path& path, const IdxHeader& header);

}  // namespace mlrun::data
