#include <torch/types.h>

#include "deploy/traced_operator.h"

/// Layers with weights.
namespace mlrun::deploy {
namespace {

using Ints = std::vector<std::int64_t>;

/// Padding before each axis, then behind each.
Ints both_sides(const Ints& padding) {
  Ints sides = padding;
  sides.insert(sides.end(), padding.begin(), padding.end());
  return sides;
}

/// One number for each axis of an image.
Ints per_axis(const Ints& numbers, std::size_t axes) { return numbers.size() == 1 ? Ints(axes, numbers[0]) : numbers; }

void map_convolution(TracedOperator& op) {
  if (op.has("transposed") && op.flag("transposed")) op.refuse("is transposed");
  if (op.constant("padding").isString()) op.refuse("has padding that goes by a name");
  const Ints weight = op.shape("weight");
  const std::size_t axes = weight.size() - 2;
  std::vector<std::string> inputs = {op.tensor("input"), op.tensor("weight")};
  if (!op.is_none("bias")) inputs.push_back(op.tensor("bias"));
  op.give(op.onnx.add("Conv", inputs,
                      {{"kernel_shape", Ints(weight.begin() + 2, weight.end())},
                       {"strides", per_axis(op.integers("stride"), axes)},
                       {"pads", both_sides(per_axis(op.integers("padding"), axes))},
                       {"dilations", per_axis(op.integers("dilation"), axes)},
                       {"group", op.integer("groups")}}));
}

void map_batch_norm(TracedOperator& op) {
  if (op.flag("training")) op.refuse("normalizes by the batch");
  if (op.is_none("running_mean")) op.refuse("has no statistics");
  const std::int64_t channels = op.shape("running_mean").at(0);
  const auto given = [&](const std::string& argument, double otherwise) {
    if (!op.is_none(argument)) return op.tensor(argument);
    return op.onnx.constant(torch::full({channels}, otherwise), op.node().scopeName() + "." + argument);
  };
  op.give(op.onnx.add(
      "BatchNormalization",
      {op.tensor("input"), given("weight", 1), given("bias", 0), op.tensor("running_mean"), op.tensor("running_var")},
      {{"epsilon", op.number("eps")}}));
}

/// Rows of two axes have an operator of their own; for more the weight is transposed once, here.
void map_linear(TracedOperator& op) {
  const bool biased = !op.is_none("bias");
  if (op.rank("input") == 2) {
    std::vector<std::string> inputs = {op.tensor("input"), op.tensor("weight")};
    if (biased) inputs.push_back(op.tensor("bias"));
    return op.give(op.onnx.add("Gemm", inputs, {{"transB", std::int64_t{1}}}));
  }
  const torch::Tensor weight = op.constant("weight").toTensor();
  const std::string product =
      op.onnx.add("MatMul", {op.tensor("input"), op.onnx.constant(weight.t(), op.name("weight") + ".T")});
  op.give(biased ? op.onnx.add("Add", {product, op.tensor("bias")}) : product);
}

void map_addmm(TracedOperator& op) {
  op.give(op.onnx.add("Gemm", {op.tensor("mat1"), op.tensor("mat2"), op.tensor("self")},
                      {{"alpha", op.number("alpha")}, {"beta", op.number("beta")}}));
}

/// What LayerNormalization means, for opsets that lack it: (x - mean) / sqrt(variance + eps).
std::string spelled_layer_norm(TracedOperator& op, const Ints& axes) {
  OnnxBuilder& onnx = op.onnx;
  const auto mean = [&](const std::string& x) {
    return onnx.add("ReduceMean", {x}, {{"axes", axes}, {"keepdims", std::int64_t{1}}});
  };
  const std::string x = op.tensor("input"), centred = onnx.add("Sub", {x, mean(x)});
  const std::string variance = mean(onnx.add("Mul", {centred, centred}));
  const std::string safe = onnx.add("Add", {variance, onnx.scalar(op.number("eps"), op.output_dtype())});
  std::string result = onnx.add("Div", {centred, onnx.add("Sqrt", {safe})});
  if (!op.is_none("weight")) result = onnx.add("Mul", {result, op.tensor("weight")});
  return op.is_none("bias") ? result : onnx.add("Add", {result, op.tensor("bias")});
}

void map_layer_norm(TracedOperator& op) {
  const Ints shape = op.integers("normalized_shape");
  const auto over = static_cast<std::int64_t>(shape.size());
  if (op.onnx.opset() < 17) {
    Ints axes;
    for (std::int64_t axis = op.rank("input") - over; axis < op.rank("input"); ++axis) axes.push_back(axis);
    return op.give(spelled_layer_norm(op, axes));
  }
  std::vector<std::string> inputs = {op.tensor("input")};
  inputs.push_back(op.is_none("weight") ? op.onnx.constant(torch::ones(shape), op.node().scopeName() + ".weight")
                                        : op.tensor("weight"));
  if (!op.is_none("bias")) inputs.push_back(op.tensor("bias"));
  op.give(op.onnx.add("LayerNormalization", inputs, {{"axis", -over}, {"epsilon", op.number("eps")}}));
}

/// Groups as channels of a longer row, each of which is normalized alone; then the channels' own scales.
void map_group_norm(TracedOperator& op) {
  OnnxBuilder& onnx = op.onnx;
  const std::int64_t groups = op.integer("num_groups");
  const auto constant = [&](const torch::Tensor& values, const std::string& name) {
    return onnx.constant(values, op.node().scopeName() + name);
  };
  const std::string x = op.tensor("input"), rows = onnx.add("Reshape", {x, onnx.ints({0, groups, -1})});
  const std::string ones = constant(torch::ones({groups}), "/ones"), none = constant(torch::zeros({groups}), "/zeros");
  const std::string even = onnx.add("InstanceNormalization", {rows, ones, none}, {{"epsilon", op.number("eps")}});
  std::string result = onnx.add("Reshape", {even, onnx.add("Shape", {x})});
  Ints shape(static_cast<std::size_t>(op.rank("input") - 1), 1);
  shape.front() = -1;
  const auto of_channels = [&](const std::string& argument) {
    return constant(op.constant(argument).toTensor().reshape(shape), "." + argument);
  };
  if (!op.is_none("weight")) result = onnx.add("Mul", {result, of_channels("weight")});
  if (!op.is_none("bias")) result = onnx.add("Add", {result, of_channels("bias")});
  op.give(result);
}

/// In evaluation mode nothing is dropped.
void map_dropout(TracedOperator& op) {
  if (op.flag("train")) op.refuse("drops values at random");
  op.pass("input");
}

}  // namespace

void add_layer_mappings(OnnxMappings& mappings) {
  mappings.insert({{"_convolution", map_convolution},
                   {"convolution", map_convolution},
                   {"conv2d", map_convolution},
                   {"batch_norm", map_batch_norm},
                   {"linear", map_linear},
                   {"addmm", map_addmm},
                   {"layer_norm", map_layer_norm},
                   {"group_norm", map_group_norm},
                   {"dropout", map_dropout},
                   {"feature_dropout", map_dropout}});
}

}  // namespace mlrun::deploy
