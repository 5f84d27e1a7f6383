#include <algorithm>
#include <cmath>

#include <torch/types.h>

#include "deploy/onnx/ops.h"

namespace mlrun::deploy {
namespace {

using torch::Tensor;
using Tensors = std::vector<Tensor>;

bool is_whole(const Tensor& tensor) { return at::isIntegralType(tensor.scalar_type(), /*includeBool=*/true); }

/// Refuses what processors trap on; where a divisor is -1 in `b`, the quotient is computed as -a.
Tensor whole_divisor(const OnnxCall& call, const Tensor& b) {
  call.require(!b.eq(0).any().item<bool>(), "it divides whole numbers by zero");
  return b.masked_fill(b.eq(-1), 1);
}

Tensor divide(const OnnxCall& call, const Tensor& a, const Tensor& b) {
  if (!is_whole(a)) return a.div(b);
  call.require(a.scalar_type() != torch::kBool, "it divides truth values");
  const Tensor quotient = a.div(whole_divisor(call, b), "trunc");
  return b.scalar_type() == torch::kByte ? a.div(b, "trunc") : torch::where(b.eq(-1), a.neg(), quotient);
}

Tensor modulo(const OnnxCall& call, const Tensor& a, const Tensor& b) {
  const bool as_c = call.flag("fmod", false);
  call.require(as_c || is_whole(a), "the remainder of floating numbers is only defined with fmod=1");
  if (!is_whole(a)) return a.fmod(b);
  // The remainder by -1 is 0, as it is by 1.
  const Tensor divisor = a.scalar_type() == torch::kByte ? b : whole_divisor(call, b);
  call.require(!divisor.eq(0).any().item<bool>(), "it divides whole numbers by zero");
  return as_c ? a.fmod(divisor) : a.remainder(divisor);
}

Tensor power(const OnnxCall&, const Tensor& base, const Tensor& exponent) {
  if (!is_whole(base)) return base.pow(exponent.to(base.scalar_type()));
  if (is_whole(exponent)) return base.pow(exponent.to(base.scalar_type()));
  return base.to(torch::kDouble).pow(exponent.to(torch::kDouble)).to(base.scalar_type());
}

using Binary = Tensor (*)(const OnnxCall&, const Tensor&, const Tensor&);

Tensor plus(const OnnxCall&, const Tensor& a, const Tensor& b) { return a.add(b); }
Tensor minus(const OnnxCall& call, const Tensor& a, const Tensor& b) {
  call.require(a.scalar_type() != torch::kBool, "it subtracts truth values");
  return a.sub(b);
}
Tensor times(const OnnxCall&, const Tensor& a, const Tensor& b) { return a.mul(b); }
Tensor smaller(const OnnxCall&, const Tensor& a, const Tensor& b) { return torch::minimum(a, b); }
Tensor larger(const OnnxCall&, const Tensor& a, const Tensor& b) { return torch::maximum(a, b); }

template <Binary kFunction>
Tensors of_two(const OnnxCall& call) {
  call.require(kFunction == power || call.in(0).scalar_type() == call.in(1).scalar_type(),
               "its inputs have different types");
  onnx_broadcast(call, {call.in(0), call.in(1)});
  return {kFunction(call, call.in(0), call.in(1))};
}

/// Any number of inputs, brought together two by two.
template <Binary kFunction>
Tensors of_many(const OnnxCall& call) {
  Tensor result = call.in();
  for (std::size_t i = 1; i < call.inputs().size(); ++i) {
    call.require(result.scalar_type() == call.in(i).scalar_type(), "its inputs have different types");
    onnx_broadcast(call, {result, call.in(i)});
    result = kFunction(call, result, call.in(i));
  }
  return {result};
}

Tensors mean_of_many(const OnnxCall& call) {
  call.require(!is_whole(call.in()), "its inputs must be floating numbers");
  return {of_many<plus>(call).front().div(static_cast<double>(call.inputs().size()))};
}

/// Bounds are attributes before opset 11, and inputs since.
Tensors clip(const OnnxCall& call) {
  Tensor result = call.in();
  const auto bound = [&](std::size_t index, const char* name) -> std::optional<Tensor> {
    if (call.opset() < 11) {
      if (!call.has_attribute(name)) return std::nullopt;
      return torch::full({}, call.number(name, 0), result.options());
    }
    if (!call.has(index)) return std::nullopt;
    call.require(call.in(index).numel() == 1, "its bounds must be single numbers");
    call.require(call.in(index).scalar_type() == result.scalar_type(), "its inputs have different types");
    return call.in(index).reshape({});
  };
  if (const auto least = bound(1, "min")) result = torch::maximum(result, *least);
  if (const auto most = bound(2, "max")) result = torch::minimum(result, *most);
  return {result};
}

void add_functions(OnnxOperators& operators) {
  add_onnx_unary(operators, "Abs", [](const Tensor& x) { return x.abs(); });
  add_onnx_unary(operators, "Neg", [](const Tensor& x) { return x.neg(); });
  add_onnx_unary(operators, "Reciprocal", [](const Tensor& x) { return x.reciprocal(); });
  add_onnx_unary(operators, "Sqrt", [](const Tensor& x) { return x.sqrt(); });
  add_onnx_unary(operators, "Exp", [](const Tensor& x) { return x.exp(); });
  add_onnx_unary(operators, "Log", [](const Tensor& x) { return x.log(); });
  add_onnx_unary(operators, "Erf", [](const Tensor& x) { return x.erf(); });
  add_onnx_unary(operators, "Floor", [](const Tensor& x) { return x.floor(); });
  add_onnx_unary(operators, "Ceil", [](const Tensor& x) { return x.ceil(); });
  add_onnx_unary(operators, "Round", [](const Tensor& x) { return x.round(); });  // halves to even, as ONNX says
  add_onnx_unary(operators, "Sign", [](const Tensor& x) { return x.sign(); });
  add_onnx_unary(operators, "Sin", [](const Tensor& x) { return x.sin(); });
  add_onnx_unary(operators, "Cos", [](const Tensor& x) { return x.cos(); });
  add_onnx_unary(operators, "Tan", [](const Tensor& x) { return x.tan(); });
  add_onnx_unary(operators, "Asin", [](const Tensor& x) { return x.asin(); });
  add_onnx_unary(operators, "Acos", [](const Tensor& x) { return x.acos(); });
  add_onnx_unary(operators, "Atan", [](const Tensor& x) { return x.atan(); });
  add_onnx_unary(operators, "Sinh", [](const Tensor& x) { return x.sinh(); });
  add_onnx_unary(operators, "Cosh", [](const Tensor& x) { return x.cosh(); });
}

}  // namespace

void add_onnx_math(OnnxOperators& operators) {
  add_functions(operators);
  operators["Add"] = {of_two<plus>, true};
  operators["Sub"] = {of_two<minus>, true};
  operators["Mul"] = {of_two<times>, true};
  operators["Div"] = {of_two<divide>, true};
  operators["Mod"] = {of_two<modulo>, true};
  operators["Pow"] = {of_two<power>, true};
  operators["Min"] = {of_many<smaller>, true};
  operators["Max"] = {of_many<larger>, true};
  operators["Sum"] = {of_many<plus>, true};
  operators["Mean"] = {mean_of_many, true};
  operators["Clip"] = {clip, true};
}

}  // namespace mlrun::deploy
