#include <cmath>

#include "deploy/traced_operator.h"

/// Activation functions.
namespace mlrun::deploy {
namespace {

constexpr char kErf[] = "Erf", kRelu[] = "Relu", kSigmoid[] = "Sigmoid", kTanh[] = "Tanh";

template <const char* kType>
void map_activation(TracedOperator& op) {
  op.give(op.onnx.add(kType, {op.tensor("self")}));
}

std::string clipped(TracedOperator& op, double low, double high) {
  const auto dtype = op.output_dtype();
  return op.onnx.add("Clip", {op.tensor("self"), op.onnx.scalar(low, dtype), op.onnx.scalar(high, dtype)});
}

void map_relu6(TracedOperator& op) { op.give(clipped(op, 0, 6)); }
void map_hardtanh(TracedOperator& op) { op.give(clipped(op, op.number("min_val"), op.number("max_val"))); }

/// One bound may be missing.
void map_clamp(TracedOperator& op) {
  const auto bound = [&](const std::string& argument) -> std::string {
    return op.has(argument) && !op.is_none(argument) ? op.operand(argument) : "";
  };
  std::vector<std::string> inputs = {op.operand("self"), bound("min"), bound("max")};
  if (inputs.back().empty()) inputs.pop_back();
  op.give(op.onnx.add("Clip", inputs));
}

std::string hardsigmoid(OnnxBuilder& onnx, const std::string& x) {
  return onnx.add("HardSigmoid", {x}, {{"alpha", 1.0 / 6.0}, {"beta", 0.5}});
}

/// LibTorch gives integers a scale of their own.
void map_hardsigmoid(TracedOperator& op) {
  const std::string result = hardsigmoid(op.onnx, op.tensor("self"));
  if (op.gives_integers()) op.give(result, {1.0 / 256.0, 0});
  else op.give(result);
}

void map_hardswish(TracedOperator& op) { op.give(onnx_hardswish(op.onnx, op.tensor("self"))); }

void map_silu(TracedOperator& op) {
  const std::string x = op.tensor("self");
  op.give(op.onnx.add("Mul", {x, op.onnx.add("Sigmoid", {x})}));
}

/// Gelu has an operator only from opset 20 on: x / 2 * (1 + erf(x / sqrt 2)).
void map_gelu(TracedOperator& op) {
  if (op.text("approximate") != "none") op.refuse("is the approximation by tanh");
  const auto dtype = op.output_dtype();
  const std::string x = op.tensor("self");
  const std::string scaled = op.onnx.add("Div", {x, op.onnx.scalar(std::sqrt(2.0), dtype)});
  const std::string share = op.onnx.add("Add", {op.onnx.add("Erf", {scaled}), op.onnx.scalar(1, dtype)});
  const std::string product = op.onnx.add("Mul", {x, share});
  op.give(op.onnx.add("Mul", {product, op.onnx.scalar(0.5, dtype)}));
}

void map_leaky_relu(TracedOperator& op) {
  op.give(op.onnx.add("LeakyRelu", {op.tensor("self")}, {{"alpha", op.number("negative_slope")}}));
}

template <const char* kType>
void map_softmax(TracedOperator& op) {
  if (!op.is_none("dtype")) op.refuse("changes the dtype");
  op.give(op.onnx.add(kType, {op.tensor("self")}, {{"axis", op.axis("self", op.integer("dim"))}}));
}

constexpr char kSoftmax[] = "Softmax", kLogSoftmax[] = "LogSoftmax";

}  // namespace

std::string onnx_hardswish(OnnxBuilder& onnx, const std::string& x) {
  return onnx.opset() >= 14 ? onnx.add("HardSwish", {x}) : onnx.add("Mul", {x, hardsigmoid(onnx, x)});
}

void add_activation_mappings(OnnxMappings& mappings) {
  mappings.insert({{"erf", map_activation<kErf>},
                   {"relu", map_activation<kRelu>},
                   {"sigmoid", map_activation<kSigmoid>},
                   {"tanh", map_activation<kTanh>},
                   {"relu6", map_relu6},
                   {"hardtanh", map_hardtanh},
                   {"clamp", map_clamp},
                   {"clamp_min", map_clamp},
                   {"clamp_max", map_clamp},
                   {"hardsigmoid", map_hardsigmoid},
                   {"hardswish", map_hardswish},
                   {"silu", map_silu},
                   {"gelu", map_gelu},
                   {"leaky_relu", map_leaky_relu},
                   {"softmax", map_softmax<kSoftmax>},
                   {"log_softmax", map_softmax<kLogSoftmax>}});
}

}  // namespace mlrun::deploy
