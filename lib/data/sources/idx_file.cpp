#include "data/sources/idx_file.h"

#include <system_error>

#include "base/error.h"
#include "base/files.h"

namespace mlrun::data {
namespace {

namespace fs = std::filesystem;

constexpr unsigned kUnsignedByte = 0x08;
constexpr std::uint64_t kLargestInflation = 1032;  // deflate cannot pack more into one byte

unsigned byte_at(const std::string& bytes, std::size_t at) { return static_cast<unsigned char>(bytes[at]); }

std::uint64_t stored_size(const fs::path& path) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  if (error) throw file_error(path.string(), "cannot be read: " + error.message());
  return size;
}

}  // namespace

IdxHeader read_idx_header(const fs::path& path, std::size_t rank) {
  IdxHeader header;
  header.offset = 4 + 4 * rank;
  const std::uint64_t stored = stored_size(path);
  const std::string head = read_gzip_head(path, header.offset);
  if (head.size() >= 4 && (byte_at(head, 0) != 0 || byte_at(head, 1) != 0)) {
    throw file_error(path.string(), "is not an idx file", "it must begin with two zero bytes, gzip or not");
  }
  if (head.size() >= 4 && (byte_at(head, 2) != kUnsignedByte || byte_at(head, 3) != rank)) {
    throw file_error(path.string(), "holds idx type " + std::to_string(byte_at(head, 2)) + " with " +
                                        std::to_string(byte_at(head, 3)) +
                                        " dimensions; expected type 8 (unsigned bytes) with " + std::to_string(rank));
  }
  if (head.size() < header.offset) throw file_error(path.string(), "ends within its header", "fetch it again");

  const std::uint64_t room = stored * kLargestInflation;
  header.values = 1;
  for (std::size_t dim = 0; dim < rank; ++dim) {
    std::uint64_t size = 0;
    for (std::size_t i = 0; i < 4; ++i) size = (size << 8) | byte_at(head, 4 + 4 * dim + i);
    if (size == 0) throw file_error(path.string(), "is empty: its header gives a size of 0");
    if (header.values > room / size) {
      throw file_error(path.string(), "its header promises more than its " + std::to_string(stored) + " bytes can hold",
                       "fetch it again");
    }
    header.values *= size;
    header.dims.push_back(static_cast<std::int64_t>(size));
  }
  return header;
}

std::string read_idx_bytes(const fs::path& path, const IdxHeader& header) {
  const std::uint64_t expected = header.offset + header.values;
  std::string bytes = read_gzip(path, expected);
  if (bytes.size() == expected) return bytes;
  throw file_error(path.string(),
                   "holds " + std::to_string(bytes.size()) + " bytes; its header promises " + std::to_string(expected),
                   "fetch it again");
}

}  // namespace mlrun::data
