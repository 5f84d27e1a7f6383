#include "weights/inspect.h"

#include "base/error.h"
#include "base/files.h"
#include "base/input_file.h"
#include "weights/file.h"
#include "weights/safetensors.h"

namespace mlrun::weights {

namespace fs = std::filesystem;

namespace {

/// safetensors begin with the length of a JSON object, in 8 bytes.
bool begins_as_safetensors(const fs::path& file) {
  const std::string head = read_head(file, 9);
  return head.size() == 9 && head[8] == '{' && head[7] == 0;
}

std::string dtype_name(torch::ScalarType type) {
  switch (type) {
    case torch::kFloat64: return "F64";
    case torch::kFloat32: return "F32";
    case torch::kFloat16: return "F16";
    case torch::kBFloat16: return "BF16";
    case torch::kInt64: return "I64";
    case torch::kInt32: return "I32";
    case torch::kInt16: return "I16";
    case torch::kInt8: return "I8";
    case torch::kUInt8: return "U8";
    case torch::kBool: return "BOOL";
    default: return torch::toString(type);
  }
}

std::int64_t element_count(const std::vector<std::int64_t>& shape) {
  std::int64_t count = 1;
  for (const auto size : shape) count *= size;
  return count;
}

Json file_facts(const fs::path& file, const std::string& format) {
  return {{"file", file.string()},
          {"format", format},
          {"entry", ""},
          {"other_entries", Json::array()},
          {"sha256", sha256_file(file)},
          {"bytes", fs::file_size(file)}};
}

Json describe_safetensors(const fs::path& file) {
  const SafetensorsHeader header = read_safetensors_header(file);
  Json json = file_facts(file, "safetensors");
  Json tensors = Json::array();
  std::int64_t params = 0;
  for (const auto& tensor : header.tensors) {
    params += element_count(tensor.shape);
    tensors.push_back({{"name", tensor.name},
                       {"dtype", tensor.dtype},
                       {"shape", tensor.shape},
                       {"bytes", tensor.end - tensor.begin}});
  }
  json["params"] = params;
  json["tensors"] = std::move(tensors);
  json["metadata"] = header.metadata;
  json["notes"] = Json::array();
  return json;
}

}  // namespace

Json describe_weights(const fs::path& file, const std::string& entry) {
  if (entry.empty() && begins_as_safetensors(file)) return describe_safetensors(file);
  const WeightFile content = read_weights(file, entry);
  Json json = file_facts(file, content.format);
  json["entry"] = content.entry;
  json["other_entries"] = content.other_entries;
  Json tensors = Json::array();
  std::int64_t params = 0;
  for (const auto& [name, tensor] : content.tensors) {
    params += tensor.numel();
    tensors.push_back({{"name", name},
                       {"dtype", dtype_name(tensor.scalar_type())},
                       {"shape", tensor.sizes().vec()},
                       {"bytes", tensor.nbytes()}});
  }
  json["params"] = params;
  json["tensors"] = std::move(tensors);
  json["metadata"] = content.metadata;
  json["notes"] = content.notes;
  return json;
}

}  // namespace mlrun::weights
