#include "weights/legacy_pth.h"

#include <utility>

#include "base/error.h"
#include "weights/pickled_tensor.h"
#include "weights/safetensors_header.h"

namespace mlrun::weights {
namespace {

/// The number 0x1950a86a20f9469cfc6c as a pickle of any protocol has it, and the version that follows.
constexpr std::string_view kMagic{"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", 13};
constexpr std::size_t kMostBeforeMagic = 16;
constexpr std::int64_t kVersion = 1001;
constexpr std::size_t kStorageLengthBytes = 8;

class LegacyReader {
 public:
  LegacyReader(std::string_view content, const std::string& file) : content_(content), file_(file) {}

  LegacyPth read() {
    next();
    const Pickle version = next();
    if (version.root->kind != PickleKind::Integer || version.root->integer != kVersion) {
      throw file_error(file_, "is of an unknown version of torch.save", "load it in Python and save it again");
    }
    next();  // sizes of C types on the machine that wrote it; data are little endian anyway
    LegacyPth result;
    result.pickle = next();
    const Pickle keys = next();
    if (keys.root->kind != PickleKind::List) fail("has no list of storages");
    const auto elements = collect(result.pickle);
    for (const PickleValue* key : keys.root->items) place(*key, elements, result);
    if (result.storages.size() != elements.size()) fail("lacks a storage that its tensors name");
    if (at_ != content_.size()) fail("has " + std::to_string(content_.size() - at_) + " bytes after its last storage");
    return result;
  }

 private:
  [[noreturn]] void fail(const std::string& what) {
    throw file_error(file_, what, "the file is damaged; fetch it again");
  }

  Pickle next() {
    Pickle pickle = parse_pickle(content_.substr(at_), file_);
    at_ += pickle.size;
    return pickle;
  }

  /// Bytes of one element and length of every storage that the pickle names.
  std::map<std::string_view, PickledStorage> collect(const Pickle& pickle) {
    std::map<std::string_view, PickledStorage> storages;
    for (const PickleValue& value : pickle.values) {
      if (value.kind != PickleKind::Persistent) continue;
      PickledStorage storage = read_storage(value, "", file_, true);
      const auto [found, added] = storages.emplace(storage.key, storage);
      if (!added && (found->second.element != storage.element || found->second.elements != storage.elements)) {
        fail("names one storage with two sizes");
      }
    }
    return storages;
  }

  void place(const PickleValue& key, const std::map<std::string_view, PickledStorage>& known, LegacyPth& result) {
    if (key.kind != PickleKind::Text) fail("has a storage without a name");
    const auto found = known.find(key.text);
    if (found == known.end()) fail("has a storage that no tensor names");
    if (content_.size() - at_ < kStorageLengthBytes) fail("is cut short within its storages");
    std::uint64_t length = 0;
    for (std::size_t i = 0; i < kStorageLengthBytes; ++i) {
      length |= std::uint64_t{static_cast<unsigned char>(content_[at_ + i])} << (8 * i);
    }
    at_ += kStorageLengthBytes;
    if (length != found->second.elements) fail("has a storage of another size than its tensors say");
    const std::uint64_t size = length * found->second.element;
    if (size > content_.size() - at_) fail("is cut short within its storages");
    if (!result.storages.emplace(std::string(key.text), StoragePlace{at_, size}).second) fail("has a storage twice");
    at_ += size;
  }

  std::string_view content_;
  const std::string& file_;
  std::size_t at_ = 0;
};

}  // namespace

bool is_legacy_pth(std::string_view content) {
  const std::string_view start = content.substr(0, kMostBeforeMagic + kMagic.size());
  return !start.empty() && start.front() == '\x80' && start.find(kMagic) != start.npos;
}

LegacyPth parse_legacy_pth(std::string_view content, const std::string& file) {
  return LegacyReader(content, file).read();
}

}  // namespace mlrun::weights
