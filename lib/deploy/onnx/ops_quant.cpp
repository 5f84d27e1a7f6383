#include <algorithm>
#include <limits>

#include <torch/types.h>

#include "deploy/onnx/ops.h"

namespace mlrun::deploy {
namespace {

using torch::Tensor;
using Tensors = std::vector<Tensor>;

/// A scale or zero point, brought to where it stands in a tensor of `rank` dimensions: one for all, or one for each
/// index of `axis`.
Tensor placed(const OnnxCall& call, const Tensor& parameter, const Tensor& x, std::int64_t axis) {
  if (parameter.numel() == 1) return parameter.reshape({});
  axis = call.axis(axis, x.dim());
  call.require(parameter.dim() == 1 && parameter.size(0) == x.size(axis), "its scales do not fit its input");
  std::vector<std::int64_t> shape(static_cast<std::size_t>(x.dim()), 1);
  shape[static_cast<std::size_t>(axis)] = parameter.size(0);
  return parameter.reshape(shape);
}

void check_not_blocked(const OnnxCall& call) {
  call.require(call.integer("block_size", 0) == 0, "mlrun does not compute it by blocks");
}

Tensor saturated(const OnnxCall& call, const Tensor& values, torch::ScalarType type) {
  switch (type) {
    case torch::kByte: return values.clamp(0, 255).to(type);
    case torch::kChar: return values.clamp(-128, 127).to(type);
    case torch::kShort: return values.clamp(-32768, 32767).to(type);
    default: call.fail("it quantizes to numbers that mlrun does not compute with");
  }
}

/// To whole numbers, halves to even.
Tensor quantize(const OnnxCall& call, const Tensor& x, const Tensor& scale, const Tensor& zero_point) {
  const Tensor rounded = x.div(scale).round();
  return saturated(call, rounded.add(zero_point.to(rounded.scalar_type())), zero_point.scalar_type());
}

Tensor zero_point_of(const OnnxCall& call, std::size_t index, torch::ScalarType otherwise) {
  return call.has(index) ? call.in(index) : torch::zeros({}, otherwise);
}

/// What QuantizeLinear makes: its zero point's type, that of output_dtype (opset 21), or uint8.
torch::ScalarType quantized_type(const OnnxCall& call) {
  const std::int64_t wanted = call.integer("output_dtype", 0);
  if (wanted == 0) return call.has(2) ? call.in(2).scalar_type() : torch::kByte;
  const auto type = wanted == 2 ? torch::kByte : wanted == 3 ? torch::kChar : torch::kShort;
  call.require(wanted == 2 || wanted == 3 || wanted == 5, "it quantizes to numbers that mlrun does not compute with");
  call.require(!call.has(2) || call.in(2).scalar_type() == type, "its output_dtype is not the type of its zero point");
  return type;
}

Tensors quantize_linear(const OnnxCall& call) {
  check_not_blocked(call);
  const std::int64_t axis = call.integer("axis", 1);
  const Tensor& x = call.in();
  const Tensor scale = placed(call, call.in(1), x, axis);
  const Tensor zero_point = placed(call, zero_point_of(call, 2, quantized_type(call)), x, axis);
  return {quantize(call, x.to(torch::kFloat), scale.to(torch::kFloat), zero_point)};
}

Tensor dequantize(const OnnxCall& call, const Tensor& x, const Tensor& scale, const Tensor& zero_point,
                  std::int64_t axis) {
  const Tensor centred = x.to(torch::kInt).sub(placed(call, zero_point, x, axis).to(torch::kInt));
  return centred.to(torch::kFloat).mul(placed(call, scale, x, axis).to(torch::kFloat));
}

Tensors dequantize_linear(const OnnxCall& call) {
  check_not_blocked(call);
  const Tensor& x = call.in();
  call.require(at::isIntegralType(x.scalar_type(), /*includeBool=*/false), "its input must be whole numbers");
  const Tensor y = dequantize(call, x, call.in(1), zero_point_of(call, 2, x.scalar_type()), call.integer("axis", 1));
  return {y.to(call.in(1).scalar_type())};
}

/// To uint8 by the range of what comes in, zero included.
Tensors dynamic_quantize_linear(const OnnxCall& call) {
  const Tensor& x = call.in();
  call.require(x.scalar_type() == torch::kFloat && x.numel() > 0, "its input must be floating numbers");
  const Tensor least = x.min().clamp_max(0), most = x.max().clamp_min(0);
  const Tensor range = most.sub(least).div(255);
  const Tensor scale = torch::where(range.eq(0), torch::ones_like(range), range);
  const Tensor zero_point = least.neg().div(scale).round().clamp(0, 255).to(torch::kByte);
  return {quantize(call, x, scale, zero_point), scale, zero_point};
}

/// Sums of products of whole numbers below 2^16 are exact in float64.
Tensor centred(const OnnxCall& call, const Tensor& x, const Tensor& zero_point, std::int64_t axis) {
  call.require(at::elementSize(x.scalar_type()) == 1 && x.scalar_type() != torch::kBool,
               "its inputs must be int8 or uint8");
  return x.to(torch::kDouble).sub(placed(call, zero_point, x, axis).to(torch::kDouble));
}

Tensors convolve_integers(const OnnxCall& call) {
  const Tensor x = centred(call, call.in(0), zero_point_of(call, 2, torch::kByte), 1);
  const Tensor weight = centred(call, call.in(1), zero_point_of(call, 3, torch::kByte), 0);
  return {onnx_convolve(call, x, weight, Tensor()).to(torch::kInt)};
}

Tensor multiply_matrices(const OnnxCall& call, const Tensor& a, const Tensor& b) {
  call.require(a.dim() >= 2 && b.dim() >= 2 && a.numel() > 0 && b.numel() > 0, "its inputs must be matrices");
  call.require(a.size(-1) == b.size(-2), "the shapes of its inputs do not fit together");
  auto sizes = onnx_broadcast(call, {a.select(-1, 0).select(-1, 0), b.select(-1, 0).select(-1, 0)});
  for (const auto& matrix : {a, b}) {
    auto whole = sizes;
    whole.insert(whole.end(), {matrix.size(-2), matrix.size(-1)});
    call.check_size(whole, torch::kDouble);
  }
  sizes.insert(sizes.end(), {a.size(-2), b.size(-1)});
  call.check_size(sizes, torch::kDouble);
  return at::matmul(a, b);
}

Tensors multiply_integers(const OnnxCall& call) {
  const auto rows = call.in(0).dim() - 2;
  const Tensor a = centred(call, call.in(0), zero_point_of(call, 2, torch::kByte), std::max<std::int64_t>(rows, 0));
  const Tensor b = centred(call, call.in(1), zero_point_of(call, 3, torch::kByte), -1);
  return {multiply_matrices(call, a, b).to(torch::kInt)};
}

/// x, its scale and zero point, w, its scale and zero point, the output's scale and zero point, [bias].
Tensors quantized_convolution(const OnnxCall& call) {
  const Tensor x = centred(call, call.in(0), call.in(2), 1), weight = centred(call, call.in(3), call.in(5), 0);
  const Tensor bias = call.has(8) ? call.in(8).to(torch::kDouble) : Tensor();
  const Tensor sums = onnx_convolve(call, x, weight, bias).to(torch::kFloat);
  const Tensor scale =
      call.in(1).to(torch::kFloat).reshape({}).mul(placed(call, call.in(4), sums, 1).to(torch::kFloat));
  return {quantize(call, sums.mul(scale), placed(call, call.in(6), sums, 1), placed(call, call.in(7), sums, 1))};
}

Tensors quantized_product(const OnnxCall& call) {
  const Tensor a = centred(call, call.in(0), call.in(2), -2), b = centred(call, call.in(3), call.in(5), -1);
  const Tensor sums = multiply_matrices(call, a, b).to(torch::kFloat);
  const Tensor scale = placed(call, call.in(1), sums, -2).to(torch::kFloat).mul(placed(call, call.in(4), sums, -1));
  return {quantize(call, sums.mul(scale), placed(call, call.in(6), sums, -1), placed(call, call.in(7), sums, -1))};
}

}  // namespace

void add_onnx_quantization(OnnxOperators& operators) {
  operators["QuantizeLinear"] = {quantize_linear};
  operators["DequantizeLinear"] = {dequantize_linear};
  operators["DynamicQuantizeLinear"] = {dynamic_quantize_linear};
  operators["ConvInteger"] = {convolve_integers};
  operators["MatMulInteger"] = {multiply_integers};
  operators["QLinearConv"] = {quantized_convolution};
  operators["QLinearMatMul"] = {quantized_product};
}

}  // namespace mlrun::deploy
