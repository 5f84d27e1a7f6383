#include <zlib.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "weights/file.h"

namespace mlrun::weights {
namespace {

constexpr std::array<std::pair<torch::ScalarType, const char*>, 12> kStorageClasses = {
    {{torch::kFloat32, "FloatStorage"},
     {torch::kFloat64, "DoubleStorage"},
     {torch::kFloat16, "HalfStorage"},
     {torch::kBFloat16, "BFloat16Storage"},
     {torch::kInt64, "LongStorage"},
     {torch::kInt32, "IntStorage"},
     {torch::kInt16, "ShortStorage"},
     {torch::kInt8, "CharStorage"},
     {torch::kUInt8, "ByteStorage"},
     {torch::kBool, "BoolStorage"},
     {torch::kComplexFloat, "ComplexFloatStorage"},
     {torch::kComplexDouble, "ComplexDoubleStorage"}}};

/// Bytes of a pickle of protocol 2 or of a zip archive.
class ByteWriter {
 public:
  ByteWriter& raw(std::string_view code) {
    text_ += code;
    return *this;
  }
  ByteWriter& bytes(std::uint64_t value, int count) {
    for (int i = 0; i < count; ++i) text_ += static_cast<char>(value >> (8 * i) & 0xff);
    return *this;
  }
  ByteWriter& text(const std::string& value) { return raw("X").bytes(value.size(), 4).raw(value); }
  ByteWriter& number(std::int64_t value) {
    if (value < 256) return raw("K").bytes(static_cast<std::uint64_t>(value), 1);
    if (value < 65536) return raw("M").bytes(static_cast<std::uint64_t>(value), 2);
    if (value <= INT32_MAX) return raw("J").bytes(static_cast<std::uint64_t>(value), 4);
    return raw("\x8a\x08").bytes(static_cast<std::uint64_t>(value), 8);
  }
  ByteWriter& tuple(at::IntArrayRef values) {
    raw("(");
    for (const std::int64_t value : values) number(value);
    return raw("t");
  }
  const std::string& str() const { return text_; }

 private:
  std::string text_;
};

/// What is written as one storage: the part of a tensor's memory that the file's tensors view.
struct Piece {
  torch::Tensor owner;
  const char* begin = nullptr;
  const char* end = nullptr;
  std::size_t key = 0;
};

struct Placed {
  std::string name;
  torch::Tensor tensor;
  const char* storage_class = nullptr;
  std::size_t piece = 0;
};

const char* storage_class_of(const std::string& name, const torch::Tensor& tensor) {
  for (const auto& [type, storage] : kStorageClasses) {
    if (tensor.scalar_type() == type) return storage;
  }
  throw InternalError(__FILE__, __LINE__, "torch.save has no storage for the dtype of tensor '" + name + "'");
}

/// Strided on the CPU, its values as its memory has them; the tensor itself where it is so already.
torch::Tensor plain_tensor(const torch::Tensor& tensor) {
  torch::Tensor plain = tensor.detach();
  if (plain.layout() != torch::kStrided) plain = plain.to_dense();
  return plain.to(torch::kCPU).resolve_conj().resolve_neg();
}

/// First byte and the one after the last that the tensor views.
std::pair<const char*, const char*> extent_of(const torch::Tensor& tensor) {
  const auto* begin = static_cast<const char*>(tensor.data_ptr());
  if (tensor.numel() == 0) return {begin, begin};
  std::int64_t last = 0;
  for (std::int64_t i = 0; i < tensor.dim(); ++i) last += (tensor.size(i) - 1) * tensor.stride(i);
  return {begin, begin + (last + 1) * static_cast<std::int64_t>(tensor.element_size())};
}

/// Groups tensors of one dtype whose memory overlaps, so that they share it in the file too. A
/// tensor that shares nothing is made contiguous, so that no gaps are written.
class Pieces {
 public:
  explicit Pieces(const NamedTensors& tensors) {
    std::set<std::string> names;
    for (const auto& [name, tensor] : tensors) {
      MLRUN_ASSERT(tensor.defined(), "tensor '" + name + "' is undefined");
      MLRUN_ASSERT(names.insert(name).second, "tensor '" + name + "' cannot be written twice");
      const torch::Tensor plain = plain_tensor(tensor);
      placed_.push_back({name, plain, storage_class_of(name, plain), 0});
    }
    group();
    number();
  }

  const std::vector<Placed>& placed() const { return placed_; }
  const std::vector<Piece>& pieces() const { return pieces_; }

 private:
  using Extent = std::pair<const char*, const char*>;

  void group() {
    std::vector<std::size_t> order;
    std::vector<Extent> extents;
    for (std::size_t i = 0; i < placed_.size(); ++i) {
      order.push_back(i);
      extents.push_back(extent_of(placed_[i].tensor));
    }
    const auto key = [&](std::size_t i) {
      return std::make_tuple(std::string_view(placed_[i].storage_class), extents[i].first, extents[i].second, i);
    };
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return key(a) < key(b); });
    for (std::size_t at = 0; at < order.size();) {
      const std::size_t first = order[at];
      Extent reach = extents[first];
      std::size_t next = at + 1;
      for (; next < order.size(); ++next) {
        const std::size_t i = order[next];
        if (placed_[i].storage_class != placed_[first].storage_class || extents[i].first >= reach.second) break;
        reach.second = std::max(reach.second, extents[i].second);
      }
      if (next == at + 1) {
        placed_[first].tensor = placed_[first].tensor.contiguous();
        reach = extent_of(placed_[first].tensor);
      }
      for (; at < next; ++at) placed_[order[at]].piece = pieces_.size();
      pieces_.push_back({placed_[first].tensor, reach.first, reach.second, 0});
    }
  }

  /// Keys in the order in which the tensors name the storages.
  void number() {
    std::vector<bool> seen(pieces_.size());
    std::size_t key = 0;
    for (const Placed& item : placed_) {
      if (seen[item.piece]) continue;
      seen[item.piece] = true;
      pieces_[item.piece].key = key++;
    }
  }

  std::vector<Placed> placed_;
  std::vector<Piece> pieces_;
};

/// The dictionary's attribute `_metadata`.
void add_versions(ByteWriter& out, const ModuleVersions& versions) {
  out.raw("}").text("_metadata").raw("ccollections\nOrderedDict\n)R(");
  for (const auto& [module, version] : versions) out.text(module).raw("}").text("version").number(version).raw("s");
  out.raw("usb");
}

std::string pickle_of(const Pieces& pieces, const ModuleVersions& versions) {
  ByteWriter out;
  out.raw(
      "\x80\x02"
      "ccollections\nOrderedDict\n)R(");
  for (const Placed& item : pieces.placed()) {
    const Piece& piece = pieces.pieces()[item.piece];
    const auto element = static_cast<std::int64_t>(item.tensor.element_size());
    const auto* begin = static_cast<const char*>(item.tensor.data_ptr());
    out.text(item.name).raw("ctorch._utils\n_rebuild_tensor_v2\n((").text("storage");
    out.raw(std::string("ctorch\n") + item.storage_class + "\n").text(std::to_string(piece.key)).text("cpu");
    out.number((piece.end - piece.begin) / element).raw("tQ");
    out.number(item.tensor.numel() == 0 ? 0 : (begin - piece.begin) / element);
    out.tuple(item.tensor.sizes()).tuple(item.tensor.strides());
    out.raw(
        "\x89"
        "ccollections\nOrderedDict\n)RtR");
  }
  out.raw("u");
  add_versions(out, versions);
  return out.raw(".").str();
}

/// Writes a zip archive of stored entries whose data begin at multiples of 64 bytes, as torch.save
/// lays it out.
class StoredZip {
 public:
  explicit StoredZip(const std::filesystem::path& path) : file_(path) {}

  void add(const std::string& name, const void* bytes, std::uint64_t size) {
    const auto crc = static_cast<std::uint32_t>(crc32_z(0, static_cast<const Bytef*>(bytes), size));
    const bool large = size >= kLarge;
    const std::string sizes = large ? ByteWriter().bytes(1, 2).bytes(16, 2).bytes(size, 8).bytes(size, 8).str() : "";
    const std::uint64_t fixed = at_ + 30 + name.size() + sizes.size() + 4;
    const std::uint64_t padding = (kAlignment - fixed % kAlignment) % kAlignment;
    ByteWriter header;
    header.raw("PK\x03\x04");
    describe(header, crc, size).bytes(name.size(), 2).bytes(sizes.size() + 4 + padding, 2).raw(name).raw(sizes);
    header.raw("FB").bytes(padding, 2).raw(std::string(padding, 'Z'));
    list(name, crc, size);
    write(header.str());
    file_.write(bytes, size);
    at_ += size;
  }

  void commit() {
    const std::uint64_t begin = at_, size = directory_.size();
    write(directory_);
    ByteWriter end;
    if (begin >= kLarge || size >= kLarge || count_ >= UINT16_MAX) {
      end.raw("PK\x06\x06").bytes(44, 8).bytes(45, 2).bytes(45, 2).bytes(0, 8);
      end.bytes(count_, 8).bytes(count_, 8).bytes(size, 8).bytes(begin, 8);
      end.raw("PK\x06\x07").bytes(0, 4).bytes(begin + size, 8).bytes(1, 4);
    }
    const std::uint64_t count = std::min<std::uint64_t>(count_, UINT16_MAX);
    end.raw("PK\x05\x06").bytes(0, 4).bytes(count, 2).bytes(count, 2);
    end.bytes(std::min(size, kLarge), 4).bytes(std::min(begin, kLarge), 4).bytes(0, 2);
    write(end.str());
    file_.commit();
  }

 private:
  static constexpr std::uint64_t kLarge = UINT32_MAX;
  static constexpr std::uint64_t kAlignment = 64;

  /// What local headers and the directory have in common: version, flags (UTF-8), method, time, sizes.
  static ByteWriter& describe(ByteWriter& out, std::uint32_t crc, std::uint64_t size) {
    const std::uint64_t shown = std::min(size, kLarge);
    return out.bytes(size >= kLarge ? 45 : 20, 2)
        .bytes(1 << 11, 2)
        .bytes(0, 2)
        .bytes(0, 2)
        .bytes(0x21, 2)
        .bytes(crc, 4)
        .bytes(shown, 4)
        .bytes(shown, 4);
  }

  void list(const std::string& name, std::uint32_t crc, std::uint64_t size) {
    ByteWriter large;
    if (size >= kLarge) large.bytes(size, 8).bytes(size, 8);
    if (at_ >= kLarge) large.bytes(at_, 8);
    const std::uint64_t extra = large.str().empty() ? 0 : large.str().size() + 4;
    ByteWriter entry;
    entry.raw("PK\x01\x02").bytes(45, 2);
    describe(entry, crc, size).bytes(name.size(), 2).bytes(extra, 2).bytes(0, 2).bytes(0, 2).bytes(0, 2).bytes(0, 4);
    entry.bytes(std::min(at_, kLarge), 4).raw(name);
    if (extra > 0) entry.bytes(1, 2).bytes(extra - 4, 2).raw(large.str());
    directory_ += entry.str();
    ++count_;
  }

  void write(const std::string& bytes) {
    file_.write(bytes);
    at_ += bytes.size();
  }

  AtomicFile file_;
  std::uint64_t at_ = 0, count_ = 0;
  std::string directory_;
};

}  // namespace

void write_pth(const std::filesystem::path& path, const NamedTensors& tensors, const ModuleVersions& versions) {
  const Pieces pieces(tensors);
  std::vector<const Piece*> by_key(pieces.pieces().size());
  for (const Piece& piece : pieces.pieces()) by_key[piece.key] = &piece;
  const std::string folder = "archive/";
  const std::string pickle = pickle_of(pieces, versions.empty() ? module_versions(tensors) : versions);
  StoredZip zip(path);
  zip.add(folder + "data.pkl", pickle.data(), pickle.size());
  zip.add(folder + "byteorder", "little", 6);
  for (const Piece* piece : by_key) {
    zip.add(folder + "data/" + std::to_string(piece->key), piece->begin,
            static_cast<std::uint64_t>(piece->end - piece->begin));
  }
  zip.add(folder + "version", "3\n", 2);
  zip.commit();
}

}  // namespace mlrun::weights
