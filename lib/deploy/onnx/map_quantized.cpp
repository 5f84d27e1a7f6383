#include <algorithm>
#include <cmath>

#include <torch/types.h>

#include "deploy/traced_operator.h"
#include "quant/packed.h"

/// LibTorch's operators on quantized tensors, as pairs of QuantizeLinear and DequantizeLinear around float operators:
/// runtimes make integer kernels of them.
namespace mlrun::deploy {
namespace {

using Ints = std::vector<std::int64_t>;

quant::Scale scale_of(const TracedOperator& op, const std::string& scale, const std::string& zero_point) {
  return {op.number(scale), op.integer(zero_point)};
}

quant::Scale output_scale(const TracedOperator& op) { return scale_of(op, "output_scale", "output_zero_point"); }

/// The values before they become integers again, from which a folded ReLU takes the negative ones.
template <bool kRelu>
std::string activated(TracedOperator& op, const std::string& value) {
  return kRelu ? op.onnx.add("Relu", {value}) : value;
}

/// A name in the layer that makes the operator.
std::string named(const TracedOperator& op, const std::string& name) {
  const std::string layer = op.node().scopeName();
  return layer.empty() ? name : layer + "." + name;
}

/// Zeros of a type, once for each length.
std::string zeros(TracedOperator& op, const torch::Tensor& scale) {
  if (scale.dim() == 0) return op.onnx.scalar(0, torch::kChar);
  return op.onnx.zeros(scale.size(0), torch::kChar);
}

/// Along which axis scales lie, where there is one for each output.
OnnxAttributes outputs_axis(const torch::Tensor& scale, std::int64_t axis) {
  if (scale.dim() == 0) return {};
  return {{"axis", axis}};
}

/// [out, in...], or transposed.
std::string dequantized_weight(TracedOperator& op, const quant::PackedWeight& packed, bool transposed = false) {
  const std::string weight = transposed ? op.onnx.constant(packed.weight.t(), named(op, "weight.T"))
                                        : op.onnx.constant(packed.weight, named(op, "weight"));
  const std::string scale = op.onnx.constant(packed.scale, named(op, "weight_scale"));
  return op.onnx.add("DequantizeLinear", {weight, scale, zeros(op, packed.scale)},
                     outputs_axis(packed.scale, transposed ? 1 : 0));
}

/// Float, as LibTorch's kernels on x86 have it; runtimes make integers of the products' scale of it where they need
/// them.
std::string bias_of(TracedOperator& op, const quant::PackedWeight& packed) {
  return op.onnx.constant(packed.bias, named(op, "bias"));
}

template <bool kRelu>
void map_quantized_conv2d(TracedOperator& op) {
  const quant::PackedConv2d conv = quant::unpack_conv2d(op.constant("packed_weight"));
  std::vector<std::string> inputs = {op.tensor("qx"), dequantized_weight(op, conv)};
  if (conv.bias.defined()) inputs.push_back(bias_of(op, conv));
  const Ints kernel = conv.weight.sizes().slice(2).vec(), &pad = conv.padding;
  const std::string sums = op.onnx.add("Conv", inputs,
                                       {{"kernel_shape", kernel},
                                        {"strides", conv.stride},
                                        {"pads", Ints{pad[0], pad[1], pad[0], pad[1]}},
                                        {"dilations", conv.dilation},
                                        {"group", conv.groups}});
  op.give(activated<kRelu>(op, sums), output_scale(op));
}

/// [..., in] times [in, out], for more dimensions than Gemm has.
std::string product(TracedOperator& op, const quant::PackedWeight& packed, const std::string& input) {
  const std::string sums = op.onnx.add("MatMul", {input, dequantized_weight(op, packed, /*transposed=*/true)});
  if (!packed.bias.defined()) return sums;
  return op.onnx.add("Add", {sums, bias_of(op, packed)});
}

template <bool kRelu>
void map_quantized_linear(TracedOperator& op) {
  const quant::PackedWeight packed = quant::unpack_linear(op.constant("W_prepack"));
  const quant::Scale output = scale_of(op, "Y_scale_i", "Y_zero_point_i");
  const std::string input = op.tensor("X");
  if (op.rank("X") != 2) return op.give(activated<kRelu>(op, product(op, packed, input)), output);
  std::vector<std::string> inputs = {input, dequantized_weight(op, packed)};
  if (packed.bias.defined()) inputs.push_back(bias_of(op, packed));
  op.give(activated<kRelu>(op, op.onnx.add("Gemm", inputs, {{"transB", std::int64_t{1}}})), output);
}

template <const char* kType, bool kRelu>
void map_quantized_of_two(TracedOperator& op) {
  const std::string result = op.onnx.add(kType, {op.tensor("qa"), op.tensor("qb")});
  op.give(activated<kRelu>(op, result), scale_of(op, "scale", "zero_point"));
}

constexpr char kSum[] = "Add", kProduct[] = "Mul";

void map_quantized_cat(TracedOperator& op) {
  const auto rank = static_cast<std::int64_t>(op.output_shape().size());
  const std::int64_t axis = op.integer("dim");
  op.give(op.onnx.add("Concat", op.tensors("qx"), {{"axis", axis < 0 ? axis + rank : axis}}),
          scale_of(op, "scale", "zero_point"));
}

template <bool kRelu>
void map_quantized_batch_norm(TracedOperator& op) {
  const std::string result =
      op.onnx.add("BatchNormalization",
                  {op.tensor("qx"), op.tensor("weight"), op.tensor("bias"), op.tensor("mean"), op.tensor("var")},
                  {{"epsilon", op.number("eps")}});
  op.give(activated<kRelu>(op, result), output_scale(op));
}

void map_quantized_hardswish(TracedOperator& op) {
  op.give(onnx_hardswish(op.onnx, op.tensor("input")), output_scale(op));
}
void map_quantized_sigmoid(TracedOperator& op) {
  op.give(op.onnx.add("Sigmoid", {op.tensor("input")}), output_scale(op));
}

/// On the integers as they are: the one that stands for 6 is the largest.
void map_quantized_relu6(TracedOperator& op) {
  const TracedIntegers& input = op.integers_of("qx");
  const double six = std::nearbyint(6.0 / input.scale.scale) + static_cast<double>(input.scale.zero_point);
  const std::string low = op.onnx.scalar(static_cast<double>(input.scale.zero_point), torch::kByte);
  const std::string high = op.onnx.scalar(std::min(six, 255.0), torch::kByte);
  op.give_integers({op.onnx.add("Clip", {input.name, low, high}), input.scale});
}

void map_quantize(TracedOperator& op) {
  if (op.integer("dtype") != static_cast<std::int64_t>(torch::kQUInt8)) op.refuse("makes no uint8 of them");
  op.give(op.tensor("self"), scale_of(op, "scale", "zero_point"));
}

/// What the integers stand for is at hand already.
void map_dequantize(TracedOperator& op) { op.give(op.tensor("self")); }

}  // namespace

void add_quantized_mappings(OnnxMappings& mappings) {
  mappings.insert({{"quantize_per_tensor", map_quantize},
                   {"dequantize", map_dequantize},
                   {"quantized::conv2d", map_quantized_conv2d<false>},
                   {"quantized::conv2d_relu", map_quantized_conv2d<true>},
                   {"quantized::linear", map_quantized_linear<false>},
                   {"quantized::linear_relu", map_quantized_linear<true>},
                   {"quantized::add", map_quantized_of_two<kSum, false>},
                   {"quantized::add_relu", map_quantized_of_two<kSum, true>},
                   {"quantized::mul", map_quantized_of_two<kProduct, false>},
                   {"quantized::cat", map_quantized_cat},
                   {"quantized::batch_norm2d", map_quantized_batch_norm<false>},
                   {"quantized::batch_norm2d_relu", map_quantized_batch_norm<true>},
                   {"quantized::hardswish", map_quantized_hardswish},
                   {"quantized::sigmoid", map_quantized_sigmoid},
                   {"quantized::relu6", map_quantized_relu6}});
}

}  // namespace mlrun::deploy
