#include "weights/file.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <unordered_map>
#include <utility>

#include "base/error.h"
#include "weights/mapping.h"
#include "weights/pth_content.h"
#include "weights/wrapper_names.h"

namespace mlrun::weights {
namespace {

constexpr std::array<std::pair<const char*, torch::ScalarType>, 12> kPickledDtypes = {
    {{"float32", torch::kFloat32},
     {"float64", torch::kFloat64},
     {"float16", torch::kFloat16},
     {"bfloat16", torch::kBFloat16},
     {"int64", torch::kInt64},
     {"int32", torch::kInt32},
     {"int16", torch::kInt16},
     {"int8", torch::kInt8},
     {"uint8", torch::kUInt8},
     {"bool", torch::kBool},
     {"complex64", torch::kComplexFloat},
     {"complex128", torch::kComplexDouble}}};

torch::ScalarType pickled_dtype(const std::string& name) {
  for (const auto& [known, type] : kPickledDtypes) {
    if (name == known) return type;
  }
  throw InternalError(__FILE__, __LINE__, "no dtype " + name);
}

/// Makes the tensors of a file of torch.save: views of the mapped file, or of copies of those
/// storages that are compressed or lie where their elements are not aligned.
class StorageReader {
 public:
  StorageReader(std::shared_ptr<Mapping> mapping, const PthContent& content, const std::string& file)
      : mapping_(std::move(mapping)), content_(content), file_(file) {
    for (const PickledTensor& tensor : content.weights.tensors) {
      std::uint64_t& alignment = alignments_[tensor.storage];
      alignment = std::max(alignment, std::min<std::uint64_t>(tensor.element, 8));
    }
    copy_unaligned();
  }

  torch::Tensor tensor(const PickledTensor& description) {
    const torch::ScalarType type = pickled_dtype(description.dtype);
    const torch::Tensor bytes = storage(description);
    if (type == torch::kBool) check_booleans(bytes, description);
    torch::Tensor tensor = torch::empty({0}, type);
    tensor.set_(bytes.storage(), description.offset, description.shape, description.strides);
    return tensor;
  }

 private:
  /// The storage's bytes, as a tensor that owns them.
  torch::Tensor storage(const PickledTensor& description) {
    torch::Tensor& bytes = storages_[description.storage];
    if (!bytes.defined()) {
      bytes = load(content_.storages.find(description.storage)->second);
    }
    return bytes;
  }

  /// Copies the storages that lie where their elements are not aligned, all at once.
  void copy_unaligned() {
    std::uint64_t total = 0;
    std::vector<std::string> keys;
    for (const auto& [key, alignment] : alignments_) {
      const ZipEntry& entry = content_.storages.find(key)->second;
      if (!must_copy(entry, alignment)) continue;
      total += Arena::rounded(entry.size);
      keys.push_back(key);
    }
    const auto arena = std::make_shared<Arena>(total);
    for (const std::string& key : keys) {
      const ZipEntry& entry = content_.storages.find(key)->second;
      char* copy = arena->take(entry.size);
      std::memcpy(copy, mapping_->bytes() + entry.begin, entry.size);
      mapping_->release(entry.begin, entry.size);
      storages_[key] = torch::from_blob(
          copy, {static_cast<std::int64_t>(entry.size)}, [arena](void*) {}, torch::kUInt8);
    }
  }

  bool must_copy(const ZipEntry& entry, std::uint64_t alignment) const {
    return !entry.deflated && entry.size > 0 &&
           reinterpret_cast<std::uintptr_t>(mapping_->bytes() + entry.begin) % alignment != 0;
  }

  torch::Tensor load(const ZipEntry& entry) const {
    const auto size = static_cast<std::int64_t>(entry.size);
    char* stored = mapping_->bytes() + entry.begin;
    if (entry.deflated) {
      auto inflated = std::make_shared<std::string>(zip_content(mapping_->content(), entry, file_));
      char* begin = inflated->data();
      return torch::from_blob(
          begin, {size}, [inflated](void*) {}, torch::kUInt8);
    }
    if (size == 0) return torch::empty({0}, torch::kUInt8);
    // The mapping lives as long as the last tensor does; each gives its own pages back.
    const auto release = [mapping = mapping_, entry](void*) { mapping->release(entry.begin, entry.size); };
    return torch::from_blob(stored, {size}, release, torch::kUInt8);
  }

  void check_booleans(const torch::Tensor& bytes, const PickledTensor& description) {
    if (std::exchange(checked_[description.storage], true)) return;
    const auto* begin = bytes.data_ptr<std::uint8_t>();
    if (std::all_of(begin, begin + bytes.numel(), [](std::uint8_t byte) { return byte <= 1; })) return;
    throw UserError(Problem{file_, 0, 0, printable_name(description.name), "holds a boolean that is neither 0 nor 1",
                            "the file is damaged; fetch it again"});
  }

  std::shared_ptr<Mapping> mapping_;
  const PthContent& content_;
  const std::string& file_;
  std::unordered_map<std::string, torch::Tensor> storages_;
  std::unordered_map<std::string, std::uint64_t> alignments_;
  std::unordered_map<std::string, bool> checked_;
};

/// The header's length may begin with 0x80 as a pickle does, but ends with zeros.
bool is_safetensors(std::string_view content) {
  if (content.size() <= 8 || content[8] != '{' || is_zip(content)) return false;
  return content.front() != '\x80' || (content[6] == '\0' && content[7] == '\0');
}

WeightFile from_safetensors(const std::filesystem::path& path, const std::string& entry) {
  if (!entry.empty() && entry != ".") {
    throw file_error(path.string(),
                     "is a safetensors file, which has no entries; '" + printable_name(entry) + "' was asked for");
  }
  Safetensors read = read_safetensors(path);
  return {std::move(read.tensors), std::move(read.metadata), "safetensors", "", {}, {}};
}

WeightFile from_pth(const std::shared_ptr<Mapping>& mapping, const std::filesystem::path& path,
                    const std::string& entry) {
  const std::string file = path.string();
  PthContent content = parse_pth(mapping->content(), entry, file);
  PickledWeights& weights = content.weights;
  StorageReader reader(mapping, content, file);
  WeightFile result{{}, std::move(weights.metadata), content.format, weights.entry, {}, {}};
  for (const PickledTensor& tensor : weights.tensors) result.tensors.emplace_back(tensor.name, reader.tensor(tensor));
  result.other_entries = std::move(weights.other_entries);
  result.notes = std::move(weights.notes);
  result.versions = std::move(weights.versions);
  return result;
}

/// Takes wrappers' prefixes off the names.
void unwrap(WeightFile& file, bool lightning) {
  std::vector<std::string> names;
  for (const auto& item : file.tensors) names.push_back(item.first);
  UnwrappedNames unwrapped = unwrap_names(std::move(names), lightning);
  NamedTensors kept;
  bool renamed = false;
  for (std::size_t i = 0; i < unwrapped.names.size(); ++i) {
    renamed = renamed || unwrapped.names[i] != file.tensors[i].first;
    if (unwrapped.names[i].empty() && !file.tensors[i].first.empty()) continue;
    kept.emplace_back(std::move(unwrapped.names[i]), std::move(file.tensors[i].second));
  }
  file.tensors = std::move(kept);
  if (renamed) file.versions.clear();  // they are of the wrapper's modules
  file.notes.insert(file.notes.end(), unwrapped.notes.begin(), unwrapped.notes.end());
}

}  // namespace

Metadata script_metadata(const std::filesystem::path& path) {
  const Mapping mapping(path);
  return script_metadata(mapping.content(), path.string());
}

WeightFile read_weights(const std::filesystem::path& path, const std::string& entry) {
  const auto mapping = std::make_shared<Mapping>(path);
  const bool safetensors = is_safetensors(mapping->content());
  WeightFile file = safetensors ? from_safetensors(path, entry) : from_pth(mapping, path, entry);
  unwrap(file, file.metadata.count("pytorch-lightning_version") != 0);
  return file;
}

}  // namespace mlrun::weights
