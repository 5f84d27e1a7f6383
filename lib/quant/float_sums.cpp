#include "quant/float_sums.h"

#include <torch/types.h>

#include "quant/kernels.h"

namespace mlrun::quant {
namespace {

/// What linear_dynamic makes of its input: integers by the range of these very values.
torch::Tensor rounded_by_range(const torch::Tensor& input) {
  const auto [scale, zero_point] = at::_choose_qparams_per_tensor(input, /*reduce_range=*/false);
  return torch::quantize_per_tensor(input, scale, zero_point, torch::kQUInt8).dequantize();
}

torch::Tensor activated(const Int8Node& node, const torch::Tensor& sums) {
  if (node.activation == "relu") return sums.relu();
  return node.activation == "relu6" ? sums.clamp(0, 6) : sums;
}

}  // namespace

bool adds_products(const Int8Node& node, const nn::Layer& layer) {
  if (node.op != "conv2d") return node.op == "linear" || node.op == "linear_dynamic";
  const nn::Conv2dOptions& o = dynamic_cast<const nn::Conv2d&>(layer).options();
  return o.in > o.groups;
}

FloatSums::FloatSums(const Int8Node& node, const nn::Layer& layer)
    : node_(node), layer_(layer), weight_(quantized_weight(node).dequantize()) {}

torch::Tensor FloatSums::run(const torch::Tensor& input) const {
  if (node_.op == "linear_dynamic") return torch::linear(rounded_by_range(input), weight_, node_.bias);
  const torch::Tensor values = input.dequantize();
  torch::Tensor sums;
  if (node_.op == "linear") {
    sums = torch::linear(values, weight_, node_.bias);
  } else {
    const nn::Conv2dOptions& o = dynamic_cast<const nn::Conv2d&>(layer_).options();
    sums = torch::conv2d(values, weight_, node_.bias, o.stride, o.padding, o.dilation, o.groups);
  }
  return quantize(activated(node_, sums), node_.output);
}

}  // namespace mlrun::quant
