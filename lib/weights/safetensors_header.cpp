#include "weights/safetensors_header.h"

#include <algorithm>
#include <array>
#include <unordered_set>
#include <utility>

#include "base/error.h"
#include "base/json.h"

namespace mlrun::weights {
namespace {

constexpr std::size_t kLengthBytes = 8;
constexpr std::size_t kMaxDimensions = 64;
constexpr std::uint64_t kMaxCount = INT64_MAX;
constexpr const char* kMetadataKey = "__metadata__";

UserError damaged(const std::string& file, const std::string& name, std::string message) {
  return UserError(
      Problem{file, 0, 0, printable_name(name), std::move(message), "the file is damaged; fetch it again"});
}

/// Reads the header's JSON event by event: whatever the format does not have (deeper nesting,
/// duplicate keys, other types) ends the reading at once.
class HeaderReader : public nlohmann::json_sax<Json> {
 public:
  HeaderReader(const std::string& file, SafetensorsHeader& header) : file_(file), header_(header) {}

  bool null() override { unexpected("null"); }
  bool boolean(bool) override { unexpected("a boolean"); }
  bool number_integer(Json::number_integer_t) override { unexpected("a negative number"); }
  bool number_float(Json::number_float_t, const std::string&) override {
    unexpected("a number that is no whole number of 64 bits");
  }
  bool binary(Json::binary_t&) override { unexpected("binary data"); }

  bool number_unsigned(Json::number_unsigned_t value) override {
    if (place_ != Place::List) unexpected("a number");
    if (value > kMaxCount) fail(key_ + " holds a number that is too large");
    if (list_.size() == (key_ == "shape" ? kMaxDimensions : 2)) fail(key_ + " has too many items");
    list_.push_back(value);
    return true;
  }

  bool string(std::string& value) override {
    if (place_ == Place::Metadata) {
      header_.metadata[key_] = std::move(value);
    } else if (place_ == Place::Tensor && key_ == "dtype") {
      header_.tensors.back().dtype = std::move(value);
    } else {
      unexpected("text");
    }
    return true;
  }

  bool start_object(std::size_t) override {
    if (place_ == Place::Start) {
      place_ = Place::Root;
    } else if (place_ == Place::Root && name_ == kMetadataKey) {
      place_ = Place::Metadata;
    } else if (place_ == Place::Root) {
      header_.tensors.push_back({name_, "", {}, 0, 0});
      seen_ = {};
      place_ = Place::Tensor;
    } else {
      unexpected("an object");
    }
    return true;
  }

  bool key(std::string& key) override {
    if (place_ == Place::Root) {
      if (!names_.insert(key).second) throw damaged(file_, key, "stands in the header twice");
      name_ = std::move(key);
    } else {
      key_ = std::move(key);
      if (place_ == Place::Tensor) note_field();
      if (place_ == Place::Metadata && header_.metadata.count(key_) != 0)
        fail("'" + printable_name(key_) + "' stands twice");
    }
    return true;
  }

  bool end_object() override {
    if (place_ == Place::Tensor) {
      if (!(seen_[0] && seen_[1] && seen_[2])) fail("dtype, shape or data_offsets is missing");
    }
    place_ = place_ == Place::Root ? Place::End : Place::Root;
    return true;
  }

  bool start_array(std::size_t) override {
    if (place_ != Place::Tensor || key_ == "dtype") unexpected("a list");
    place_ = Place::List;
    list_.clear();
    return true;
  }

  bool end_array() override {
    TensorInfo& tensor = header_.tensors.back();
    place_ = Place::Tensor;
    if (key_ == "shape") {
      tensor.shape.assign(list_.begin(), list_.end());
      return true;
    }
    if (list_.size() != 2) fail("data_offsets needs two numbers");
    tensor.begin = list_[0];
    tensor.end = list_[1];
    return true;
  }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    throw damaged(file_, "", "its header is not valid JSON in UTF-8 (near byte " + std::to_string(position) + ")");
  }

 private:
  enum class Place { Start, Root, Metadata, Tensor, List, End };

  /// Notes that the current tensor's field `key_` was seen.
  void note_field() {
    const std::array<const char*, 3> fields = {"dtype", "shape", "data_offsets"};
    const auto found = std::find(fields.begin(), fields.end(), key_);
    if (found == fields.end()) fail("unknown field '" + printable_name(key_) + "'");
    bool& seen = seen_[static_cast<std::size_t>(found - fields.begin())];
    if (seen) fail(key_ + " stands twice");
    seen = true;
  }

  [[noreturn]] void fail(const std::string& message) { throw damaged(file_, name_, message); }

  [[noreturn]] void unexpected(const std::string& what) {
    switch (place_) {
      case Place::Start:
      case Place::End: throw damaged(file_, "", "its header is " + what + ", not an object");
      case Place::Root: fail("is " + what + ", not an object");
      case Place::Metadata: fail("'" + printable_name(key_) + "' is " + what + ", not text");
      case Place::Tensor:
      case Place::List: fail("unexpected " + what + " in " + key_);
    }
    throw InternalError(__FILE__, __LINE__, "unknown place");
  }

  const std::string& file_;
  SafetensorsHeader& header_;
  Place place_ = Place::Start;
  std::string name_, key_;
  std::unordered_set<std::string> names_;
  std::array<bool, 3> seen_{};
  std::vector<std::uint64_t> list_;
};

/// Bytes that `tensor` takes, from its shape and dtype. A zero among the dimensions does not hide
/// an overflow among the others: strides are computed from them too.
std::uint64_t byte_size(const std::string& file, const TensorInfo& tensor) {
  const std::uint64_t element = safetensors_element_size(tensor.dtype);
  if (element == 0) {
    throw UserError(Problem{file, 0, 0, printable_name(tensor.name),
                            "unknown dtype '" + printable_name(tensor.dtype) + "'",
                            "save it as one of F64, F32, F16, BF16, I64, I32, I16, I8, U8, BOOL"});
  }
  std::uint64_t product = element;
  bool empty = false;
  for (const std::int64_t dimension : tensor.shape) {
    const auto factor = static_cast<std::uint64_t>(std::max<std::int64_t>(dimension, 1));
    if (product > kMaxCount / factor) throw damaged(file, tensor.name, "its shape is too large");
    product *= factor;
    empty = empty || dimension == 0;
  }
  return empty ? 0 : product;
}

void check_tensor(const std::string& file, const TensorInfo& tensor, std::uint64_t data_bytes) {
  const std::string range = std::to_string(tensor.begin) + " to " + std::to_string(tensor.end);
  if (tensor.begin > tensor.end || tensor.end > data_bytes) {
    throw damaged(file, tensor.name,
                  "its bytes " + range + " do not lie in the " + std::to_string(data_bytes) + " bytes of data");
  }
  const std::uint64_t expected = byte_size(file, tensor);
  if (tensor.end - tensor.begin != expected) {
    throw damaged(file, tensor.name,
                  "its shape needs " + std::to_string(expected) + " bytes, its offsets " + range + " give " +
                      std::to_string(tensor.end - tensor.begin));
  }
}

/// The tensors must cover the data exactly: anything else hides bytes or shares them.
void check_cover(const std::string& file, const std::vector<TensorInfo>& tensors, std::uint64_t data_bytes) {
  std::vector<const TensorInfo*> by_offset;
  for (const auto& tensor : tensors) by_offset.push_back(&tensor);
  std::sort(by_offset.begin(), by_offset.end(), [](const TensorInfo* a, const TensorInfo* b) {
    return std::pair(a->begin, a->end) < std::pair(b->begin, b->end);
  });
  std::uint64_t covered = 0;
  for (const TensorInfo* tensor : by_offset) {
    if (tensor->begin < covered) throw damaged(file, tensor->name, "its bytes overlap another tensor's");
    if (tensor->begin > covered) throw damaged(file, tensor->name, "there is a gap before its bytes");
    covered = tensor->end;
  }
  if (covered != data_bytes) {
    throw damaged(file, "", "its last " + std::to_string(data_bytes - covered) + " bytes belong to no tensor");
  }
}

/// The header's length, checked against the file before anything is allocated.
std::uint64_t header_length(std::string_view content, const std::string& file) {
  if (content.size() < kLengthBytes) throw damaged(file, "", "is too short for a safetensors file");
  std::uint64_t length = 0;
  for (std::size_t i = 0; i < kLengthBytes; ++i) {
    length |= static_cast<std::uint64_t>(static_cast<unsigned char>(content[i])) << (8 * i);
  }
  const bool object = content.size() > kLengthBytes && content[kLengthBytes] == '{';
  if (!object) throw file_error(file, "is not a safetensors file: its header does not start with '{'");
  if (length > kMaxSafetensorsHeader) {
    throw damaged(file, "", "says that its header has " + std::to_string(length) + " bytes; 100000000 are allowed");
  }
  if (length > content.size() - kLengthBytes) {
    throw damaged(file, "",
                  "ends within its header: " + std::to_string(length) + " bytes announced, " +
                      std::to_string(content.size() - kLengthBytes) + " there");
  }
  return length;
}

}  // namespace

std::string printable_name(const std::string& name) {
  std::string shown = name.substr(0, 120);
  if (shown.size() < name.size()) shown.append("...");
  const std::string quoted = json_text(Json(shown));
  return quoted.substr(1, quoted.size() - 2);
}

std::uint64_t safetensors_element_size(std::string_view dtype) {
  constexpr std::array<std::pair<std::string_view, std::uint64_t>, 16> sizes = {{{"F64", 8},
                                                                                 {"F32", 4},
                                                                                 {"F16", 2},
                                                                                 {"BF16", 2},
                                                                                 {"I64", 8},
                                                                                 {"I32", 4},
                                                                                 {"I16", 2},
                                                                                 {"I8", 1},
                                                                                 {"U8", 1},
                                                                                 {"BOOL", 1},
                                                                                 {"U64", 8},
                                                                                 {"U32", 4},
                                                                                 {"U16", 2},
                                                                                 {"C64", 8},
                                                                                 {"F8_E4M3", 1},
                                                                                 {"F8_E5M2", 1}}};
  for (const auto& [name, size] : sizes) {
    if (name == dtype) return size;
  }
  return 0;
}

SafetensorsHeader parse_safetensors(std::string_view content, const std::string& file) {
  const std::uint64_t length = header_length(content, file);
  SafetensorsHeader header;
  header.data_begin = kLengthBytes + length;
  const std::string_view text = content.substr(kLengthBytes, length);
  // The JSON library takes a zero byte for the end of its input.
  if (text.find('\0') != text.npos) throw damaged(file, "", "its header is not valid JSON (it holds a zero byte)");
  HeaderReader reader(file, header);
  Json::sax_parse(text.begin(), text.end(), &reader);
  const std::uint64_t data_bytes = content.size() - header.data_begin;
  for (const auto& tensor : header.tensors) check_tensor(file, tensor, data_bytes);
  check_cover(file, header.tensors, data_bytes);
  return header;
}

std::string safetensors_header_text(const SafetensorsHeader& header) {
  // Assembled line by line: looking keys up in an ordered JSON object takes time quadratic in them.
  std::string text = "{";
  const auto add = [&text](const std::string& key, const Json& value) {
    if (text.size() > 1) text += ",";
    text += json_text(Json(key)) + ":" + json_text(value);
  };
  if (!header.metadata.empty()) add(kMetadataKey, Json(header.metadata));
  for (const auto& tensor : header.tensors) {
    add(tensor.name,
        Json{{"dtype", tensor.dtype}, {"shape", tensor.shape}, {"data_offsets", {tensor.begin, tensor.end}}});
  }
  text += "}";
  text.append((8 - text.size() % 8) % 8, ' ');
  return text;
}

}  // namespace mlrun::weights
