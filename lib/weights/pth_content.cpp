#include "weights/pth_content.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "weights/legacy_pth.h"

namespace mlrun::weights {
namespace {

constexpr std::uint64_t kRepeatedFloor = std::uint64_t{64} << 20;
constexpr std::uint64_t kRepeatedFactor = 16;
constexpr std::uint64_t kMostMetadata = std::uint64_t{64} << 20;

bool begins(std::string_view text, std::string_view start) { return text.substr(0, start.size()) == start; }
bool finishes(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

/// The entries of an archive of torch.save: all of them lie in one folder.
class PthArchive {
 public:
  PthArchive(std::string_view content, const std::string& file)
      : content_(content), file_(file), entries_(parse_zip(content, file)) {
    for (const ZipEntry& entry : entries_) by_name_.emplace(entry.name, &entry);
    folder_ = find_folder();
    check_byte_order();
  }

  const ZipEntry* find(const std::string& name) const {
    const auto found = by_name_.find(folder_ + name);
    return found == by_name_.end() ? nullptr : found->second;
  }

  std::string read(const ZipEntry& entry) const { return zip_content(content_, entry, file_); }

  bool is_script() const { return find("constants.pkl") != nullptr; }

  /// The texts beside the module; what others may have written there is left alone.
  Metadata script_metadata() const {
    const ZipEntry* entry = is_script() ? find("extra/metadata.json") : nullptr;
    if (entry == nullptr || entry->size > kMostMetadata) return {};
    Metadata metadata;
    const Json json = parse_json(read(*entry));
    if (!json.is_object()) return metadata;
    for (const auto& [key, value] : json.items()) {
      if (value.is_string()) metadata[key] = value.get<std::string>();
    }
    return metadata;
  }

  ScriptClasses script_classes() const {
    ScriptClasses classes;
    const std::string code = folder_ + "code/";
    for (const ZipEntry& entry : entries_) {
      if (!begins(entry.name, code) || !finishes(entry.name, ".py")) continue;
      std::string module = entry.name.substr(code.size(), entry.name.size() - code.size() - 3);
      std::replace(module.begin(), module.end(), '/', '.');
      read_script_classes(read(entry), module, classes);
    }
    return classes;
  }

 private:
  std::string find_folder() const {
    std::string folder;
    std::size_t found = 0;
    bool old_script = false;
    for (const ZipEntry& entry : entries_) {
      const std::size_t slash = entry.name.find('/');
      if (slash == std::string::npos) continue;
      old_script = old_script || entry.name.substr(slash) == "/model.json";
      if (entry.name.substr(slash) != "/data.pkl") continue;
      folder = entry.name.substr(0, slash + 1);
      ++found;
    }
    if (found == 1) return folder;
    if (found > 1) throw file_error(file_, "holds several files of torch.save in one zip archive", "unpack it");
    if (old_script) {
      throw file_error(file_, "is a TorchScript archive from before PyTorch 1.4, which is not supported",
                       "load it in Python and save its state_dict");
    }
    throw file_error(file_, "is a zip archive, but not one of torch.save: it holds no data.pkl",
                     "if weights are packed in it, unpack them");
  }

  void check_byte_order() const {
    const ZipEntry* order = find("byteorder");
    if (order == nullptr || order->size > 16 || read(*order) == "little") return;
    throw file_error(file_, "was written on a machine with big-endian numbers, which is not supported",
                     "load it in Python on such a machine and save it as safetensors");
  }

  std::string_view content_;
  const std::string& file_;
  std::vector<ZipEntry> entries_;
  std::map<std::string, const ZipEntry*, std::less<>> by_name_;
  std::string folder_;
};

PthContent read_archive(std::string_view content, const std::string& entry, const std::string& file) {
  const PthArchive archive(content, file);
  const std::string bytes = archive.read(*archive.find("data.pkl"));
  const Pickle pickle = parse_pickle(bytes, file);
  if (pickle.size != bytes.size()) {
    throw file_error(file, "is damaged: something follows its pickle", "fetch it again");
  }
  PthContent result;
  const bool script = archive.is_script();
  result.format = script ? "torchscript" : "pth (zip)";
  result.weights = find_weights(pickle, script ? archive.script_classes() : ScriptClasses(), entry, file);
  for (const auto& item : archive.script_metadata()) result.weights.metadata.insert(item);
  for (const PickledTensor& tensor : result.weights.tensors) {
    if (result.storages.count(tensor.storage) != 0) continue;
    if (const ZipEntry* data = archive.find("data/" + tensor.storage)) result.storages.emplace(tensor.storage, *data);
  }
  return result;
}

PthContent read_legacy(std::string_view content, const std::string& entry, const std::string& file) {
  const LegacyPth legacy = parse_legacy_pth(content, file);
  PthContent result;
  result.format = "pth (legacy)";
  result.weights = find_weights(legacy.pickle, {}, entry, file);
  for (const auto& [key, place] : legacy.storages) {
    result.storages.emplace(key, ZipEntry{key, place.begin, place.size, place.size, 0, false});
  }
  return result;
}

std::uint64_t byte_count(const PickledTensor& tensor) {
  std::uint64_t bytes = tensor.element;
  for (const std::int64_t size : tensor.shape) bytes *= static_cast<std::uint64_t>(size);
  return bytes;
}

void check_storages(const PthContent& result, std::uint64_t file_bytes, const std::string& file) {
  const std::uint64_t limit = kRepeatedFloor + kRepeatedFactor * file_bytes;
  std::uint64_t total = 0;
  for (const PickledTensor& tensor : result.weights.tensors) {
    const auto found = result.storages.find(tensor.storage);
    const auto fail = [&](const std::string& what) {
      throw UserError(Problem{file, 0, 0, printable_name(tensor.name), what, "the file is damaged; fetch it again"});
    };
    if (found == result.storages.end()) fail("its data are not in the file");
    const std::uint64_t there = found->second.size;
    if (there < tensor.storage_bytes || there - tensor.storage_bytes >= tensor.element) {
      fail("needs " + std::to_string(tensor.storage_bytes) + " bytes of data, the file has " + std::to_string(there));
    }
    const std::uint64_t bytes = byte_count(tensor);
    if (bytes > limit - total) fail("repeats the file's data to more than " + std::to_string(limit) + " bytes");
    total += bytes;
  }
}

[[noreturn]] void refuse_unknown(std::string_view content, const std::string& file) {
  constexpr std::size_t tar_magic = 257;
  if (content.empty()) throw file_error(file, "is empty", "fetch it again");
  if (content.size() > tar_magic && begins(content.substr(tar_magic), "ustar")) {
    throw file_error(file, "is a tar archive; torch.save's of before PyTorch 0.2 are not supported",
                     "unpack it, or load it in Python and save it again");
  }
  if (begins(content, "\x89HDF")) throw file_error(file, "is an HDF5 file, which holds no weights of PyTorch");
  if (begins(content, "\x1f\x8b")) throw file_error(file, "is compressed by gzip", "unpack it first");
  if (begins(content, "<") || begins(content, "version https://git-lfs")) {
    throw file_error(file, "is text, not weights: a page or a pointer was saved in their place", "fetch it again");
  }
  if (content.front() == '\x80') {
    throw file_error(file, "is a pickle, but not one of torch.save", "save the state_dict with torch.save");
  }
  throw file_error(file, "is neither of torch.save, TorchScript nor safetensors",
                   "if it was one, it is damaged; fetch it again");
}

}  // namespace

bool is_zip(std::string_view content) { return begins(content, "PK\x03\x04"); }

PthContent parse_pth(std::string_view content, const std::string& entry, const std::string& file) {
  if (!is_zip(content) && !is_legacy_pth(content)) refuse_unknown(content, file);
  PthContent result = is_zip(content) ? read_archive(content, entry, file) : read_legacy(content, entry, file);
  check_storages(result, content.size(), file);
  return result;
}

Metadata script_metadata(std::string_view content, const std::string& file) {
  return is_zip(content) ? PthArchive(content, file).script_metadata() : Metadata();
}

}  // namespace mlrun::weights
