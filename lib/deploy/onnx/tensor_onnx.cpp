#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>

#include <onnx/onnx_pb.h>
#include <torch/types.h>

#include "deploy/onnx/proto.h"
#include "weights/safetensors_header.h"

namespace mlrun::deploy {

namespace fs = std::filesystem;
using onnx::TensorProto;

namespace {

constexpr int kMostSizes = 16;

/// One tensor on its way from the message to ATen.
class TensorReader {
 public:
  TensorReader(TensorProto& message, OnnxFiles& files) : message_(message), files_(files) {}

  torch::Tensor read() {
    const auto dtype = onnx_dtype(message_.data_type());
    if (!dtype) {
      refuse("its data type (" + std::to_string(message_.data_type()) + ") is not one that mlrun computes with");
    }
    if (message_.has_segment()) refuse("it comes in segments, which mlrun does not read");
    dtype_ = *dtype;
    read_shape();
    if (message_.has_data_location() && message_.data_location() == TensorProto::EXTERNAL) return external();
    if (message_.has_raw_data()) return raw();
    return typed();
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw damaged_onnx(files_.model(), "tensor '" + message_.name() + "'", what);
  }

  [[noreturn]] void refuse(const std::string& what) const {
    const std::string place = "tensor '" + weights::printable_name(message_.name()) + "'";
    throw UserError(Problem{files_.model().string(), 0, 0, place, what, ""});
  }

  std::uint64_t element_size() const { return torch::elementSize(dtype_); }
  std::uint64_t bytes() const { return elements_ * element_size(); }

  void read_shape() {
    if (message_.dims_size() > kMostSizes) fail("it has " + std::to_string(message_.dims_size()) + " dimensions");
    for (const auto size : message_.dims()) {
      if (size < 0) fail("it has a negative size");
      shape_.push_back(size);
      if (__builtin_mul_overflow(elements_, static_cast<std::uint64_t>(size), &elements_)) fail("it is too large");
    }
    std::uint64_t unused = 0;
    if (__builtin_mul_overflow(elements_, element_size(), &unused)) fail("it is too large");
  }

  /// Memory that `owner` keeps, or a copy of it where it is not aligned.
  torch::Tensor over(char* data, std::uint64_t size, std::shared_ptr<void> owner) const {
    if (size != bytes()) {
      fail("it has " + std::to_string(size) + " bytes, and its shape wants " + std::to_string(bytes()));
    }
    if (size == 0) return torch::empty(shape_, dtype_);
    torch::Tensor tensor = torch::empty({0}, dtype_);
    if (reinterpret_cast<std::uintptr_t>(data) % element_size() == 0 && dtype_ != torch::kBool) {
      tensor = torch::from_blob(
          data, shape_, [owner = std::move(owner)](void*) {}, dtype_);
    } else {
      tensor = torch::empty(shape_, dtype_);
      std::memcpy(tensor.data_ptr(), data, size);
    }
    return dtype_ == torch::kBool ? tensor.view(torch::kUInt8).ne(0) : tensor;
  }

  torch::Tensor raw() {
    const std::shared_ptr<std::string> owner(message_.release_raw_data());
    return over(owner->data(), owner->size(), owner);
  }

  std::uint64_t number(const std::string& key, const std::string& text) const {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) fail("its " + key + " is no number");
    return value;
  }

  torch::Tensor external() {
    std::string location;
    std::uint64_t offset = 0, length = bytes();
    for (const auto& entry : message_.external_data()) {
      if (entry.key() == "location") location = entry.value();
      if (entry.key() == "offset") offset = number("offset", entry.value());
      if (entry.key() == "length") length = number("length", entry.value());
    }
    const auto mapping = files_.external(location);
    const std::uint64_t size = mapping->content().size();
    if (offset > size || length > size - offset) {
      fail("it reaches beyond the end of " + weights::printable_name(location) + " (" + std::to_string(size) +
           " bytes)");
    }
    return over(mapping->bytes() + offset, length, mapping);
  }

  /// Values in one of the message's typed lists.
  torch::Tensor typed() const {
    switch (message_.data_type()) {
      case TensorProto::FLOAT: return list(message_.float_data());
      case TensorProto::DOUBLE: return list(message_.double_data());
      case TensorProto::INT64: return list(message_.int64_data());
      case TensorProto::FLOAT16:
      case TensorProto::BFLOAT16: return bits(message_.int32_data());
      default: return list(message_.int32_data());
    }
  }

  template <class List>
  void check_count(const List& values) const {
    if (static_cast<std::uint64_t>(values.size()) == elements_) return;
    fail("it has " + std::to_string(values.size()) + " values, and its shape wants " + std::to_string(elements_));
  }

  template <class List>
  torch::Tensor list(const List& values) const {
    check_count(values);
    using Value = typename List::value_type;
    const torch::Tensor tensor = torch::empty(shape_, torch::CppTypeToScalarType<Value>::value);
    std::copy(values.begin(), values.end(), tensor.template data_ptr<Value>());
    return tensor.to(dtype_);
  }

  /// 16-bit floats as the integers with their bits.
  template <class List>
  torch::Tensor bits(const List& values) const {
    check_count(values);
    torch::Tensor tensor = torch::empty(shape_, torch::kInt16);
    std::transform(values.begin(), values.end(), tensor.data_ptr<std::int16_t>(),
                   [](std::int32_t value) { return static_cast<std::int16_t>(static_cast<std::uint32_t>(value)); });
    return tensor.view(dtype_);
  }

  TensorProto& message_;
  OnnxFiles& files_;
  torch::ScalarType dtype_ = torch::kFloat;
  std::vector<std::int64_t> shape_;
  std::uint64_t elements_ = 1;
};

}  // namespace

std::shared_ptr<weights::Mapping> OnnxFiles::external(const std::string& location) {
  auto& mapping = mapped_[location];
  if (mapping) return mapping;
  const fs::path folder = model_.has_parent_path() ? model_.parent_path() : fs::path(".");
  const fs::path relative(location);
  std::error_code error;
  const fs::path home = fs::canonical(folder, error);
  const fs::path target = error ? fs::path() : fs::weakly_canonical(home / relative, error);
  const auto [rest, _] = std::mismatch(home.begin(), home.end(), target.begin(), target.end());
  if (error || location.empty() || location.find('\0') != std::string::npos || relative.is_absolute() ||
      rest != home.end()) {
    throw file_error(
        model_.string(),
        "its weights lie in '" + weights::printable_name(location) + "', which is not in the model's own folder",
        "put that file beside the model");
  }
  return mapping = std::make_shared<weights::Mapping>(target);
}

torch::Tensor onnx_tensor(TensorProto& message, OnnxFiles& files) { return TensorReader(message, files).read(); }

std::optional<torch::ScalarType> onnx_dtype(std::int64_t type) {
  switch (type) {
    case TensorProto::FLOAT: return torch::kFloat;
    case TensorProto::DOUBLE: return torch::kDouble;
    case TensorProto::FLOAT16: return torch::kHalf;
    case TensorProto::BFLOAT16: return torch::kBFloat16;
    case TensorProto::UINT8: return torch::kByte;
    case TensorProto::INT8: return torch::kChar;
    case TensorProto::INT16: return torch::kShort;
    case TensorProto::INT32: return torch::kInt;
    case TensorProto::INT64: return torch::kLong;
    case TensorProto::BOOL: return torch::kBool;
    default: return std::nullopt;
  }
}

}  // namespace mlrun::deploy
