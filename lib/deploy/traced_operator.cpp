#include "deploy/traced_operator.h"

#include <algorithm>
#include <set>

#include "base/error.h"

namespace mlrun::deploy {

namespace jit = torch::jit;

namespace {

std::vector<std::int64_t> traced_shape(const jit::Value& value) {
  const auto type = value.type()->cast<c10::TensorType>();
  const auto sizes = type ? type->sizes().concrete_sizes() : c10::nullopt;
  MLRUN_ASSERT(sizes, "a traced tensor has no shape: " + value.debugName());
  return *sizes;
}

bool is_quantized(const jit::Value& value) {
  const auto type = value.type()->cast<c10::TensorType>();
  return type && type->scalarType() && c10::isQIntType(*type->scalarType());
}

/// LibTorch's operators that give integers of the scale that they are given.
bool keeps_scale(const jit::Node& node) {
  static const std::set<std::string> names = {"adaptive_avg_pool2d",
                                              "alias",
                                              "avg_pool2d",
                                              "chunk",
                                              "clone",
                                              "contiguous",
                                              "detach",
                                              "dropout",
                                              "expand",
                                              "flatten",
                                              "max_pool2d",
                                              "permute",
                                              "relu",
                                              "reshape",
                                              "select",
                                              "slice",
                                              "split",
                                              "squeeze",
                                              "transpose",
                                              "unflatten",
                                              "unsqueeze",
                                              "view"};
  return node.kind().is_aten() && names.count(node.kind().toUnqualString()) > 0;
}

torch::Tensor as_tensor(const c10::IValue& value) {
  if (value.isTensor()) return value.toTensor();
  return torch::scalar_tensor(value.toScalar(), torch::TensorOptions().dtype(value.toScalar().type()));
}

}  // namespace

void TracedOperator::refuse(const std::string& reason) const {
  const std::string layer = node_.scopeName();
  throw UserError("cannot be written as ONNX: " + std::string(node_.kind().toQualString()) + " in " +
                      (layer.empty() ? "the model itself" : "layer '" + layer + "'") + " " + reason,
                  "export as torchscript, or replace the layer");
}

bool TracedOperator::has(const std::string& argument) const { return node_.hasNamedInput(argument); }

const TracedValue& TracedOperator::value(const std::string& argument) const {
  const auto found = values_.find(node_.namedInput(argument));
  MLRUN_ASSERT(found != values_.end(), "a traced value is used before it is made");
  return found->second;
}

bool TracedOperator::is_none(const std::string& argument) const {
  const TracedValue& found = value(argument);
  return found.known && found.constant.isNone();
}

const c10::IValue& TracedOperator::constant(const std::string& argument) const {
  const TracedValue& found = value(argument);
  if (!found.known) refuse("depends on computed values (" + argument + ")");
  return found.constant;
}

std::string TracedOperator::written(const TracedValue& value) const {
  return value.known ? onnx.constant(as_tensor(value.constant), value.name) : value.name;
}

std::string TracedOperator::tensor(const std::string& argument) const { return written(value(argument)); }

std::string TracedOperator::operand(const std::string& argument) const {
  const TracedValue& found = value(argument);
  const torch::ScalarType wanted = output_dtype();
  if (found.known) {
    const torch::Tensor tensor = as_tensor(found.constant);
    if (tensor.dim() == 0) return onnx.scalar(tensor.item<double>(), wanted);
    return onnx.constant(tensor.to(wanted), found.name);
  }
  const auto type = node_.namedInput(argument)->type()->expect<c10::TensorType>();
  if ((found.integers ? torch::kFloat : type->scalarType()) == wanted) return found.name;
  return onnx.add("Cast", {found.name}, {{"to", onnx_element_type(wanted)}});
}

std::vector<std::string> TracedOperator::tensors(const std::string& argument) const {
  const TracedValue& found = value(argument);
  std::vector<std::string> names;
  for (const auto& item : found.items) names.push_back(written(item));
  return names;
}

std::vector<std::string> TracedOperator::numbers(const std::string& argument) const {
  std::vector<std::string> names;
  for (const auto& item : value(argument).items) {
    names.push_back(item.known ? onnx.ints({item.constant.toInt()}) : item.name);
  }
  return names;
}

std::vector<std::int64_t> TracedOperator::shape(const std::string& argument) const {
  const TracedValue& found = value(argument);
  return found.known ? as_tensor(found.constant).sizes().vec() : traced_shape(*node_.namedInput(argument));
}

std::int64_t TracedOperator::axis(const std::string& argument, std::int64_t axis) const {
  return axis < 0 ? axis + rank(argument) : axis;
}

std::vector<std::int64_t> TracedOperator::output_shape() const { return traced_shape(*node_.output()); }

torch::ScalarType TracedOperator::output_dtype() const {
  const auto type = node_.output()->type()->expect<c10::TensorType>();
  MLRUN_ASSERT(type->scalarType(), "a traced tensor has no dtype");
  return c10::isQIntType(*type->scalarType()) ? torch::kFloat : *type->scalarType();
}

torch::ScalarType TracedOperator::dtype(const std::string& argument) const {
  const TracedValue& found = value(argument);
  if (found.known) return as_tensor(found.constant).scalar_type();
  const auto type = node_.namedInput(argument)->type()->expect<c10::TensorType>()->scalarType();
  MLRUN_ASSERT(type, "a traced tensor has no dtype");
  return *type;
}

bool TracedOperator::gives_integers() const { return is_quantized(*node_.output()); }

const TracedIntegers& TracedOperator::integers_of(const std::string& argument) const {
  const TracedValue& found = value(argument);
  MLRUN_ASSERT(found.integers, "an operator on integers is given none");
  return *found.integers;
}

/// That of the only quantized input.
const quant::Scale& TracedOperator::kept_scale() const {
  const auto inputs = node_.inputs();
  const auto found = std::find_if(inputs.begin(), inputs.end(),
                                  [this](const jit::Value* input) { return values_.at(input).integers.has_value(); });
  if (found == inputs.end() || !keeps_scale(node_)) refuse("gives integers of a scale that is not told");
  return values_.at(*found).integers->scale;
}

TracedValue TracedOperator::dequantized(const TracedIntegers& integers) const {
  const std::string scale = onnx.scalar(integers.scale.scale, torch::kFloat);
  const std::string zero = onnx.scalar(static_cast<double>(integers.scale.zero_point), torch::kByte);
  return {false, {}, onnx.add("DequantizeLinear", {integers.name, scale, zero}), {}, integers};
}

TracedValue TracedOperator::quantized(const std::string& name, const quant::Scale& scale) const {
  const std::string zero = onnx.scalar(static_cast<double>(scale.zero_point), torch::kByte);
  return dequantized({onnx.add("QuantizeLinear", {name, onnx.scalar(scale.scale, torch::kFloat), zero}), scale});
}

void TracedOperator::give(const std::string& name) {
  if (gives_integers()) return give(name, kept_scale());
  values_[node_.output()] = {false, {}, name, {}};
}

void TracedOperator::give(const std::string& name, const quant::Scale& scale) {
  values_[node_.output()] = quantized(name, scale);
}

void TracedOperator::give_integers(const TracedIntegers& integers) { values_[node_.output()] = dequantized(integers); }

void TracedOperator::give_list(const std::vector<std::string>& names) {
  const bool integers = is_quantized(*node_.input(0));
  TracedValue list;
  for (const auto& name : names) {
    if (integers) list.items.push_back(quantized(name, kept_scale()));
    else list.items.push_back({false, {}, name, {}});
  }
  values_[node_.output()] = list;
}

void TracedOperator::give_all(const std::vector<std::string>& names) {
  MLRUN_ASSERT(names.size() == node_.outputs().size(), "an operator gives another number of tensors than its trace");
  for (std::size_t i = 0; i < names.size(); ++i) values_[node_.outputs()[i]] = {false, {}, names[i], {}};
}

OnnxMapping find_onnx_mapping(const jit::Node& node) {
  static const OnnxMappings mappings = [] {
    OnnxMappings all;
    add_arithmetic_mappings(all);
    add_activation_mappings(all);
    add_layer_mappings(all);
    add_pooling_mappings(all);
    add_shape_mappings(all);
    add_selection_mappings(all);
    add_quantized_mappings(all);
    add_dynamic_mappings(all);
    add_choice_mappings(all);
    add_box_mappings(all);
    return all;
  }();
  const auto found = mappings.find(node.kind().is_aten() ? node.kind().toUnqualString() : node.kind().toQualString());
  return found == mappings.end() ? nullptr : found->second;
}

}  // namespace mlrun::deploy
