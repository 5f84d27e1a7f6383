#include <torch/types.h>

#include "deploy/onnx/ops.h"

namespace mlrun::deploy {
namespace {

using torch::Tensor;
using Tensors = std::vector<Tensor>;

template <class Function>
void comparison(OnnxOperators& operators, std::string_view name, Function) {
  operators[name] = {[](const OnnxCall& call) {
    call.require(call.in(0).scalar_type() == call.in(1).scalar_type(), "its inputs have different types");
    onnx_broadcast(call, {call.in(0), call.in(1)});
    return Tensors{Function{}(call.in(0), call.in(1))};
  }};
}

Tensors where(const OnnxCall& call) {
  const Tensor &condition = call.in(0), &yes = call.in(1), &no = call.in(2);
  call.require(condition.scalar_type() == torch::kBool, "its condition must be truth values");
  call.require(yes.scalar_type() == no.scalar_type(), "its inputs have different types");
  onnx_broadcast(call, {yes, no, condition});
  return {torch::where(condition, yes, no)};
}

Tensors negation(const OnnxCall& call) { return {call.in().logical_not()}; }

}  // namespace

void add_onnx_comparisons(OnnxOperators& operators) {
  comparison(operators, "Equal", [](const Tensor& a, const Tensor& b) { return a.eq(b); });
  comparison(operators, "Less", [](const Tensor& a, const Tensor& b) { return a.lt(b); });
  comparison(operators, "LessOrEqual", [](const Tensor& a, const Tensor& b) { return a.le(b); });
  comparison(operators, "Greater", [](const Tensor& a, const Tensor& b) { return a.gt(b); });
  comparison(operators, "GreaterOrEqual", [](const Tensor& a, const Tensor& b) { return a.ge(b); });
  comparison(operators, "And", [](const Tensor& a, const Tensor& b) { return a.logical_and(b); });
  comparison(operators, "Or", [](const Tensor& a, const Tensor& b) { return a.logical_or(b); });
  comparison(operators, "Xor", [](const Tensor& a, const Tensor& b) { return a.logical_xor(b); });

  operators["Not"] = {negation};
  operators["Where"] = {where};
}

}  // namespace mlrun::deploy
