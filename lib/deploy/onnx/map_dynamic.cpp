#include <torch/types.h>

#include "deploy/traced_operator.h"
#include "quant/packed.h"

/// Linear layers whose inputs become integers by the range that each batch has.
namespace mlrun::deploy {
namespace {

/// LibTorch's ChooseQuantizationParams goes no lower.
constexpr double kSmallestScale = 6.1e-5;

struct DynamicIntegers {
  std::string values, scale, zero_point;
};

/// The range of x, zero included, in `steps` steps. What DynamicQuantizeLinear does has 255 of them.
DynamicIntegers spelled_quantization(OnnxBuilder& onnx, const std::string& x, double steps) {
  const auto number = [&](double value) { return onnx.scalar(value, torch::kFloat); };
  const OnnxAttributes to_one = {{"keepdims", std::int64_t{0}}};
  const std::string least = onnx.add("Min", {onnx.add("ReduceMin", {x}, to_one), number(0)});
  const std::string most = onnx.add("Max", {onnx.add("ReduceMax", {x}, to_one), number(0)});
  const std::string step = onnx.add("Div", {onnx.add("Sub", {most, least}), number(steps)});
  const std::string scale = onnx.add("Max", {step, number(kSmallestScale)});
  const std::string below = onnx.add("Round", {onnx.add("Div", {onnx.add("Neg", {least}), scale})});
  const std::string zero_point = onnx.add("Cast", {below}, {{"to", onnx_element_type(torch::kByte)}});
  return {onnx.add("QuantizeLinear", {x, scale, zero_point}), scale, zero_point};
}

DynamicIntegers dynamic_integers(OnnxBuilder& onnx, const std::string& x, bool reduce_range) {
  if (reduce_range) return spelled_quantization(onnx, x, 127);
  const auto parts = onnx.add_many("DynamicQuantizeLinear", {x}, {}, 3);
  return {parts[0], parts[1], parts[2]};
}

/// Sums of products in 32 bits, then times both scales.
void map_linear_dynamic(TracedOperator& op) {
  OnnxBuilder& onnx = op.onnx;
  const std::string layer = op.node().scopeName();
  const quant::PackedWeight packed = quant::unpack_linear(op.constant("W_prepack"));
  const DynamicIntegers input = dynamic_integers(onnx, op.tensor("X"), op.flag("reduce_range"));
  const std::string weight = onnx.constant(packed.weight.t(), layer + ".weight.T");
  const std::string sums = onnx.add("MatMulInteger", {input.values, weight, input.zero_point});
  const std::string scale = onnx.add("Mul", {input.scale, onnx.constant(packed.scale, layer + ".weight_scale")});
  const std::string product =
      onnx.add("Mul", {onnx.add("Cast", {sums}, {{"to", onnx_element_type(torch::kFloat)}}), scale});
  if (!packed.bias.defined()) return op.give(product);
  op.give(onnx.add("Add", {product, onnx.constant(packed.bias, layer + ".bias")}));
}

}  // namespace

void add_dynamic_mappings(OnnxMappings& mappings) {
  mappings.insert({{"quantized::linear_dynamic", map_linear_dynamic}});
}

}  // namespace mlrun::deploy
