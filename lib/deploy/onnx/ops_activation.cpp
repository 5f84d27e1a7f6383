#include <torch/types.h>

#include "deploy/onnx/ops.h"

namespace mlrun::deploy {
namespace {

using torch::Tensor;
using Tensors = std::vector<Tensor>;

Tensors relu(const OnnxCall& call) { return {call.in().clamp_min(0)}; }

Tensors leaky_relu(const OnnxCall& call) {
  const Tensor& x = call.in();
  return {torch::where(x.lt(0), x.mul(call.number("alpha", 0.01)), x)};
}

Tensors prelu(const OnnxCall& call) {
  const Tensor &x = call.in(), &slope = call.in(1);
  call.require(x.scalar_type() == slope.scalar_type(), "its inputs have different types");
  onnx_broadcast(call, {x, slope});
  return {torch::where(x.lt(0), x.mul(slope), x)};
}

Tensors elu(const OnnxCall& call) { return {at::elu(call.in(), call.number("alpha", 1))}; }

Tensors celu(const OnnxCall& call) {
  const double alpha = call.number("alpha", 1);
  call.require(alpha != 0, "its alpha is zero");
  return {at::celu(call.in(), alpha)};
}

Tensors selu(const OnnxCall& call) {
  const double alpha = call.number("alpha", 1.67326319217681884765625);
  const double gamma = call.number("gamma", 1.05070102214813232421875);
  return {at::elu(call.in(), alpha, gamma)};
}

Tensors thresholded_relu(const OnnxCall& call) {
  const Tensor& x = call.in();
  return {x.masked_fill(x.le(call.number("alpha", 1)), 0)};
}

Tensors hard_sigmoid(const OnnxCall& call) {
  return {call.in().mul(call.number("alpha", 0.2)).add(call.number("beta", 0.5)).clamp(0, 1)};
}

Tensors gelu(const OnnxCall& call) {
  const std::string approximate = call.text("approximate", "none");
  call.require(approximate == "none" || approximate == "tanh", "its attribute 'approximate' is neither none nor tanh");
  return {at::gelu(call.in(), approximate)};
}

Tensors swish(const OnnxCall& call) { return {call.in().mul(call.in().mul(call.number("alpha", 1)).sigmoid())}; }

/// Before opset 13 everything from the axis on counts as one dimension.
template <class Function>
Tensors along(const OnnxCall& call, Function function) {
  const Tensor& x = call.in();
  call.require(x.dim() > 0 && x.numel() > 0, "its input is empty");
  if (call.opset() >= 13) return {function(x, call.axis(call.integer("axis", -1), x.dim()))};
  const std::int64_t axis = call.axis(call.integer("axis", 1), x.dim());
  std::int64_t rows = 1;
  for (std::int64_t i = 0; i < axis; ++i) rows *= x.size(i);
  return {function(x.reshape({rows, -1}), 1).reshape(x.sizes())};
}

Tensors softmax(const OnnxCall& call) {
  return along(call, [](const Tensor& x, std::int64_t axis) { return x.softmax(axis); });
}

Tensors log_softmax(const OnnxCall& call) {
  return along(call, [](const Tensor& x, std::int64_t axis) { return x.log_softmax(axis); });
}

Tensors hardmax(const OnnxCall& call) {
  return along(call, [](const Tensor& x, std::int64_t axis) {
    return torch::zeros_like(x).scatter(axis, x.argmax(axis, /*keepdim=*/true), 1);
  });
}

}  // namespace

void add_onnx_activations(OnnxOperators& operators) {
  add_onnx_unary(operators, "Sigmoid", [](const Tensor& x) { return x.sigmoid(); });
  add_onnx_unary(operators, "Tanh", [](const Tensor& x) { return x.tanh(); });
  add_onnx_unary(operators, "Softplus", [](const Tensor& x) { return at::softplus(x); });
  add_onnx_unary(operators, "Softsign", [](const Tensor& x) { return x.div(x.abs().add(1)); });
  add_onnx_unary(operators, "HardSwish", [](const Tensor& x) { return at::hardswish(x); });
  add_onnx_unary(operators, "Mish", [](const Tensor& x) { return x.mul(at::softplus(x).tanh()); });
  operators["Relu"] = {relu, true};
  operators["LeakyRelu"] = {leaky_relu, true};
  operators["PRelu"] = {prelu, true};
  operators["Elu"] = {elu, true};
  operators["Celu"] = {celu, true};
  operators["Selu"] = {selu, true};
  operators["ThresholdedRelu"] = {thresholded_relu, true};
  operators["HardSigmoid"] = {hard_sigmoid, true};
  operators["Gelu"] = {gelu, true};
  operators["Swish"] = {swish, true};
  operators["Softmax"] = {softmax, true};
  operators["LogSoftmax"] = {log_softmax, true};
  operators["Hardmax"] = {hardmax, true};
}

}  // namespace mlrun::deploy
