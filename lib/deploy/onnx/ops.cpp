#include "deploy/onnx/ops.h"

#include <algorithm>

#include <torch/types.h>

#include "weights/safetensors_header.h"

namespace mlrun::deploy {
namespace {

constexpr std::size_t kMostDimensions = 16;

template <class Value>
const Value* find_attribute(const OnnxCall& call, const OnnxNode& node, const std::string& name) {
  const auto found = node.attributes.find(name);
  if (found == node.attributes.end()) return nullptr;
  const auto* value = std::get_if<Value>(&found->second);
  if (!value) call.fail("its attribute '" + name + "' has another type than ONNX says");
  return value;
}

}  // namespace

const torch::Tensor& OnnxCall::in(std::size_t index) const {
  if (!has(index)) fail("its input " + std::to_string(index + 1) + " is missing");
  return inputs_[index];
}

std::vector<std::int64_t> OnnxCall::integers_in(std::size_t index) const {
  const torch::Tensor& tensor = in(index);
  require(at::isIntegralType(tensor.scalar_type(), /*includeBool=*/false), "an input must have whole numbers");
  require(tensor.dim() <= 1 && tensor.numel() <= 1024, "an input must be a short list of numbers");
  const torch::Tensor numbers = tensor.to(torch::kLong).contiguous();
  const auto* data = numbers.data_ptr<std::int64_t>();
  return {data, data + numbers.numel()};
}

std::int64_t OnnxCall::integer_in(std::size_t index) const {
  const auto numbers = integers_in(index);
  require(numbers.size() == 1, "an input must be one number");
  return numbers.front();
}

std::int64_t OnnxCall::integer(const std::string& name, std::int64_t otherwise) const {
  const auto* value = find_attribute<std::int64_t>(*this, node_, name);
  return value ? *value : otherwise;
}

double OnnxCall::number(const std::string& name, double otherwise) const {
  const auto* value = find_attribute<double>(*this, node_, name);
  return value ? *value : otherwise;
}

std::string OnnxCall::text(const std::string& name, const std::string& otherwise) const {
  const auto* value = find_attribute<std::string>(*this, node_, name);
  return value ? *value : otherwise;
}

std::vector<std::int64_t> OnnxCall::integers(const std::string& name, std::vector<std::int64_t> otherwise) const {
  const auto* value = find_attribute<std::vector<std::int64_t>>(*this, node_, name);
  return value ? *value : otherwise;
}

std::vector<double> OnnxCall::numbers(const std::string& name) const {
  const auto* value = find_attribute<std::vector<double>>(*this, node_, name);
  return value ? *value : std::vector<double>();
}

torch::Tensor OnnxCall::tensor(const std::string& name) const {
  const auto* value = find_attribute<torch::Tensor>(*this, node_, name);
  if (!value) fail("its attribute '" + name + "' is missing");
  return *value;
}

std::int64_t OnnxCall::axis(std::int64_t value, std::int64_t rank) const {
  if (value < -rank || value >= rank) {
    fail("there is no axis " + std::to_string(value) + " in " + std::to_string(rank) + " dimensions");
  }
  return value < 0 ? value + rank : value;
}

std::vector<std::int64_t> OnnxCall::axes(std::vector<std::int64_t> values, std::int64_t rank) const {
  for (auto& value : values) value = axis(value, rank);
  auto sorted = values;
  std::sort(sorted.begin(), sorted.end());
  require(std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end(), "an axis stands twice");
  return values;
}

void OnnxCall::check_size(const std::vector<std::int64_t>& sizes, torch::ScalarType dtype) const {
  require(sizes.size() <= kMostDimensions, "a tensor has more than 16 dimensions");
  auto bytes = static_cast<std::int64_t>(torch::elementSize(dtype));
  bool overflow = false;
  for (const auto size : sizes) {
    require(size >= 0, "a tensor has a negative size");
    overflow = __builtin_mul_overflow(bytes, std::max<std::int64_t>(size, 1), &bytes) || overflow;
  }
  if (overflow || bytes > most_bytes_) {
    std::string text;
    for (const auto size : sizes) text += (text.empty() ? "" : "x") + std::to_string(size);
    fail("it asks for a tensor of " + text + " elements, more than this machine has memory for");
  }
}

void OnnxCall::fail(const std::string& what) const { throw OnnxNodeError(what); }

const OnnxOperators& onnx_operators() {
  static const OnnxOperators instance = [] {
    OnnxOperators operators;
    for (const auto add :
         {add_onnx_math, add_onnx_activations, add_onnx_comparisons, add_onnx_products, add_onnx_convolution,
          add_onnx_pooling, add_onnx_normalization, add_onnx_reductions, add_onnx_shapes, add_onnx_makers,
          add_onnx_indexing, add_onnx_rearrangement, add_onnx_resize, add_onnx_quantization, add_onnx_boxes}) {
      add(operators);
    }
    return operators;
  }();
  return instance;
}

std::vector<std::int64_t> onnx_broadcast(const OnnxCall& call, const std::vector<torch::Tensor>& tensors) {
  std::vector<std::int64_t> sizes;
  for (const auto& tensor : tensors) {
    const auto rank = static_cast<std::size_t>(tensor.dim());
    if (rank > sizes.size()) sizes.insert(sizes.begin(), rank - sizes.size(), 1);
    for (std::size_t i = 0; i < rank; ++i) {
      const std::int64_t here = tensor.size(static_cast<std::int64_t>(rank - 1 - i));
      std::int64_t& there = sizes[sizes.size() - 1 - i];
      call.require(here == there || here == 1 || there == 1, "the shapes of its inputs do not fit together");
      if (there == 1) there = here;
    }
  }
  if (!tensors.empty()) call.check_size(sizes, tensors.front().scalar_type());
  return sizes;
}

}  // namespace mlrun::deploy
