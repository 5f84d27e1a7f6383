#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace mlrun::weights {

using Metadata = std::map<std::string, std::string>;

struct TensorInfo {
  std::string name;
  std::string dtype;  ///< as the format spells it: F32, I64, BF16, ...
  std::vector<std::int64_t> shape;
  std::uint64_t begin = 0, end = 0;  ///< bytes from the start of the data
};

struct SafetensorsHeader {
  std::vector<TensorInfo> tensors;  ///< in the order in which the header names them
  Metadata metadata;
  std::uint64_t data_begin = 0;  ///< offset of the data in the file
};

/// The largest header that is read or written, in bytes; the format's own limit.
constexpr std::uint64_t kMaxSafetensorsHeader = 100'000'000;

/// Reads and checks the header of a file whose whole content is `content`: its length, its JSON,
/// every tensor's dtype, shape and offsets, and that the data has neither gap nor overlap nor
/// rest. UserError that names `file`, the tensor and what is wrong.
SafetensorsHeader parse_safetensors(std::string_view content, const std::string& file);

/// The header's text for `header.tensors` in their order, padded with spaces to a multiple of 8
/// bytes; `data_begin` is not used.
std::string safetensors_header_text(const SafetensorsHeader& header);

/// A tensor's name as messages show it: on one line and not too long.
std::string printable_name(const std::string& name);

/// Bytes of one element; 0 for a dtype that is not known here.
std::uint64_t safetensors_element_size(std::string_view dtype);

}  // namespace mlrun::weights
