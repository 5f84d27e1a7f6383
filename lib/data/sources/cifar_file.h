#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace mlrun::data {

/// How the records of a CIFAR binary file are built: label bytes, then a 32 x 32 image of three
/// planes (red, green, blue). https://www.cs.toronto.edu/~kriz/cifar.html
struct CifarLayout {
  static constexpr std::int64_t kSide = 32;
  static constexpr std::int64_t kImageBytes = 3 * kSide * kSide;

  std::int64_t label_bytes = 1;  ///< 1: CIFAR-10; 2: CIFAR-100, coarse before fine
  std::int64_t label_at = 0;     ///< which of them is the label
  std::int64_t classes = 10;

  std::int64_t record() const { return label_bytes + kImageBytes; }
};

/// Number of records in a file of `size` bytes; UserError that names `name` unless it is whole and positive.
std::int64_t cifar_records(std::uint64_t size, const CifarLayout& layout, const std::string& name);

/// UserError that names `name` and the record unless `bytes` are whole records whose labels have classes.
void check_cifar(std::string_view bytes, const CifarLayout& layout, const std::string& name);

/// The whole file, checked.
std::string read_cifar(const std::filesystem::path& path, const CifarLayout& layout);

/// Class names, one a line. UserError that names `name` unless there are `count`, all different.
std::vector<std::string> parse_cifar_names(std::string_view text, std::int64_t count, const std::string& name);

/// The names that the data set is published with: 10 for CIFAR-10; 100 fine or 20 coarse ones for CIFAR-100.
const std::vector<std::string>& cifar_names(std::int64_t count);

}  // namespace mlrun::data
