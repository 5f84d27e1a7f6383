#include <algorithm>

#include <torch/types.h>

#include "deploy/onnx/ops.h"

namespace mlrun::deploy {
namespace {

using torch::Tensor;
using Tensors = std::vector<Tensor>;

void check_per_channel(const OnnxCall& call, std::size_t first, std::size_t last) {
  call.require(call.in().dim() >= 2, "its input has no channels");
  call.require(at::isFloatingType(call.in().scalar_type()) && call.in().numel() > 0,
               "its input is empty or not floating");
  for (std::size_t i = first; i <= last; ++i) {
    call.require(call.in(i).dim() == 1 && call.in(i).size(0) == call.in().size(1),
                 "its parameters do not fit the channels of its input");
  }
}

Tensors batch_normalization(const OnnxCall& call) {
  check_per_channel(call, 1, 4);
  call.require(!call.flag("training_mode", false), "it is in training mode; export the model for inference");
  call.require(call.opset() >= 9 || call.flag("spatial", true), "mlrun does not compute it with spatial=0");
  call.require(!call.wants(1), "it is in training mode; export the model for inference");
  const Tensor& x = call.in();
  const auto parameter = [&](std::size_t i) { return call.in(i).to(x.scalar_type()); };
  return {at::batch_norm(x, parameter(1), parameter(2), parameter(3), parameter(4), /*training=*/false,
                         /*momentum=*/0, call.number("epsilon", 1e-5), /*cudnn_enabled=*/false)};
}

Tensors instance_normalization(const OnnxCall& call) {
  check_per_channel(call, 1, 2);
  call.require(call.in().dim() >= 3, "its input is no image");
  return {at::group_norm(call.in(), call.in().size(1), call.in(1), call.in(2), call.number("epsilon", 1e-5), false)};
}

/// Scale and bias are per group before opset 21, and per channel since.
Tensors group_normalization(const OnnxCall& call) {
  const Tensor& x = call.in();
  const std::int64_t groups = call.integer("num_groups", 0);
  call.require(x.dim() >= 2 && x.numel() > 0 && groups >= 1 && x.size(1) % groups == 0,
               "its groups do not fit the channels of its input");
  const std::int64_t parameters = call.opset() < 21 ? groups : x.size(1);
  const auto per_channel = [&](std::size_t i) {
    call.require(call.in(i).dim() == 1 && call.in(i).size(0) == parameters, "its parameters do not fit its groups");
    return call.in(i).repeat_interleave(x.size(1) / parameters);
  };
  return {at::group_norm(x, groups, per_channel(1), per_channel(2), call.number("epsilon", 1e-5), false)};
}

Tensors layer_normalization(const OnnxCall& call) {
  const Tensor& x = call.in();
  call.require(x.numel() > 0 && at::isFloatingType(x.scalar_type()), "its input is empty or not floating");
  const auto axis = static_cast<std::size_t>(call.axis(call.integer("axis", -1), x.dim()));
  const std::vector<std::int64_t> shape = x.sizes().slice(axis).vec();
  const auto parameter = [&](std::size_t i) {
    call.require(call.in(i).scalar_type() == x.scalar_type(), "its inputs have different types");
    onnx_broadcast(call, {x, call.in(i)});
    call.require(call.in(i).dim() <= static_cast<std::int64_t>(shape.size()), "its parameters do not fit its input");
    return call.in(i).expand(shape);
  };
  const auto optional = call.has(2) ? c10::make_optional(parameter(2)) : c10::nullopt;
  const auto [y, mean, deviation] =
      at::native_layer_norm(x, shape, c10::make_optional(parameter(1)), optional, call.number("epsilon", 1e-5));
  return {y, mean, deviation};
}

/// Divides by sums of squares over neighbouring channels.
Tensors local_response_normalization(const OnnxCall& call) {
  const Tensor& x = call.in();
  const std::int64_t size = call.integer("size", 0);
  call.require(size >= 1, "its attribute 'size' must be 1 or more");
  call.require(x.dim() >= 2 && x.numel() > 0 && at::isFloatingType(x.scalar_type()), "its input has no channels");
  const std::int64_t channels = x.size(1);
  const std::int64_t before = std::min((size - 1) / 2, channels), after = std::min(size - 1 - (size - 1) / 2, channels);
  const std::int64_t window = before + after + 1;
  // Channels become a spatial dimension, and everything else one other.
  const Tensor rows = x.square().reshape({x.size(0), 1, channels, -1});
  const Tensor padded = at::constant_pad_nd(rows, {0, 0, before, after});
  const Tensor sums = at::avg_pool2d(padded, {window, 1}, {1, 1}, 0, false, true, 1).reshape(x.sizes());
  const double scale = call.number("alpha", 1e-4) / static_cast<double>(size);
  return {x.div(sums.mul(scale).add(call.number("bias", 1)).pow(call.number("beta", 0.75)))};
}

Tensors lp_normalization(const OnnxCall& call) {
  const Tensor& x = call.in();
  const std::int64_t p = call.integer("p", 2), axis = call.axis(call.integer("axis", -1), x.dim());
  call.require(p == 1 || p == 2, "its p must be 1 or 2");
  const Tensor norm = p == 1 ? x.abs().sum(axis, true) : x.square().sum(axis, true).sqrt();
  return {x.div(norm).masked_fill(norm.eq(0), 0)};
}

Tensors mean_variance_normalization(const OnnxCall& call) {
  const Tensor& x = call.in();
  call.require(at::isFloatingType(x.scalar_type()), "its input must be floating numbers");
  const auto axes = call.axes(call.integers("axes", {0, 2, 3}), x.dim());
  const Tensor centred = x.sub(x.mean(axes, true));
  return {centred.div(centred.square().mean(axes, true).sqrt().add(1e-9))};
}

}  // namespace

void add_onnx_normalization(OnnxOperators& operators) {
  operators["BatchNormalization"] = {batch_normalization, true};
  operators["InstanceNormalization"] = {instance_normalization, true};
  operators["GroupNormalization"] = {group_normalization, true};
  operators["LayerNormalization"] = {layer_normalization, true};
  operators["LRN"] = {local_response_normalization, true};
  operators["LpNormalization"] = {lp_normalization, true};
  operators["MeanVarianceNormalization"] = {mean_variance_normalization, true};
}

}  // namespace mlrun::deploy
