#include "deploy/traced_operator.h"

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
  if (type->scalarType() == wanted) return found.name;
  return onnx.add("Cast", {found.name}, {{"to", onnx_element_type(wanted)}});
}

std::vector<std::string> TracedOperator::tensors(const std::string& argument) const {
  const TracedValue& found = value(argument);
  std::vector<std::string> names;
  for (const auto& item : found.items) names.push_back(written(item));
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
  return *type->scalarType();
}

void TracedOperator::give_list(const std::vector<std::string>& names) {
  TracedValue list;
  for (const auto& name : names) list.items.push_back({false, {}, name, {}});
  values_[node_.output()] = list;
}

OnnxMapping find_onnx_mapping(const std::string& name) {
  static const OnnxMappings mappings = [] {
    OnnxMappings all;
    add_arithmetic_mappings(all);
    add_activation_mappings(all);
    add_layer_mappings(all);
    add_pooling_mappings(all);
    add_shape_mappings(all);
    add_selection_mappings(all);
    return all;
  }();
  const auto found = mappings.find(name);
  return found == mappings.end() ? nullptr : found->second;
}

}  // namespace mlrun::deploy
