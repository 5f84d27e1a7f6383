#include "quant/kernels.h"

#include <map>
#include <utility>

#include <ATen/Parallel.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/csrc/jit/frontend/tracer.h>

#include "quant/rounding.h"

namespace mlrun::quant {
namespace {

using torch::jit::Stack;

/// Runs the operator on what the stack holds and returns its only result.
c10::IValue call_operator(const std::string& name, const std::string& overload, Stack stack) {
  thread_local std::map<std::pair<std::string, std::string>, c10::OperatorHandle> handles;
  auto found = handles.find({name, overload});
  if (found == handles.end()) {
    const auto handle =
        c10::Dispatcher::singleton().findSchemaOrThrow(("quantized::" + name).c_str(), overload.c_str());
    found = handles.emplace(std::pair(name, overload), handle).first;
  }
  found->second.callBoxed(&stack);
  MLRUN_ASSERT(stack.size() == 1, "quantized::" + name + " gave several results");
  return std::move(stack.front());
}

c10::IValue pair_of(const nn::Pair& pair) { return std::vector<int64_t>(pair->begin(), pair->end()); }

std::string with_relu(const std::string& op, const Int8Node& node) {
  return node.activation == "relu" ? op + "_relu" : op;
}

torch::Tensor batch_norm(const Int8Node& node, const nn::BatchNorm2d& norm, const torch::Tensor& input) {
  return call_operator(with_relu("batch_norm2d", node), "",
                       {input, norm.weight, norm.bias, norm.running_mean, norm.running_var, norm.options().eps,
                        node.output.scale, node.output.zero_point})
      .toTensor();
}

/// QNNPACK's reads and writes memory in the order of the axes, whatever the strides: channels go last for it.
torch::Tensor clip_to_6(const torch::Tensor& input) {
  const auto on = [](const torch::Tensor& tensor) {
    return call_operator("relu6", "", {tensor, /*inplace=*/false}).toTensor();
  };
  const bool qnnpack = at::globalContext().qEngine() == at::QEngine::QNNPACK;
  if (!qnnpack || input.is_contiguous()) return on(input);
  return on(input.permute({0, 2, 3, 1}).contiguous()).permute({0, 3, 1, 2});
}

torch::Tensor compute(const Int8Node& node, const nn::Layer& layer, const c10::IValue& packed, bool reduce_range,
                      const nn::Tensors& inputs) {
  const auto& [scale, zero_point] = node.output;
  if (node.op == "conv2d") {
    return call_operator(with_relu("conv2d", node), "new", {inputs[0], packed, scale, zero_point}).toTensor();
  }
  if (node.op == "linear") {
    return call_operator(with_relu("linear", node), "", {inputs[0], packed, scale, zero_point}).toTensor();
  }
  if (node.op == "linear_dynamic") return call_operator(node.op, "", {inputs[0], packed, reduce_range}).toTensor();
  if (node.op == "add") {
    return call_operator(with_relu("add", node), "", {inputs[0], inputs[1], scale, zero_point}).toTensor();
  }
  if (node.op == "mul") return call_operator("mul", "", {inputs[0], inputs[1], scale, zero_point}).toTensor();
  if (node.op == "cat") return call_operator("cat", "", {inputs, int64_t{1}, scale, zero_point}).toTensor();
  if (node.op == "batch_norm2d") return batch_norm(node, dynamic_cast<const nn::BatchNorm2d&>(layer), inputs[0]);
  if (node.op == "hardsigmoid") return torch::hardsigmoid(inputs[0]);
  MLRUN_ASSERT(node.op == "hardswish" || node.op == "sigmoid", "no int8 kernel " + node.op);
  return call_operator(node.op, "", {inputs[0], scale, zero_point}).toTensor();
}

}  // namespace

torch::Tensor quantize(const torch::Tensor& values, const Scale& scale) {
  const auto format = values.suggest_memory_format();
  const bool plain = values.scalar_type() == torch::kFloat && values.is_cpu() && values.is_contiguous(format);
  if (!plain || torch::jit::tracer::isTracing()) {
    return torch::quantize_per_tensor(values, scale.scale, scale.zero_point, torch::kQUInt8);
  }
  torch::Tensor output = at::_empty_affine_quantized(values.sizes(), values.options().dtype(torch::kQUInt8),
                                                     scale.scale, scale.zero_point, format);
  const float* from = values.data_ptr<float>();
  auto* to = reinterpret_cast<std::uint8_t*>(output.data_ptr<c10::quint8>());
  const float inverse = 1.0F / static_cast<float>(scale.scale);
  constexpr std::int64_t kGrain = 1 << 16;
  at::parallel_for(0, values.numel(), kGrain, [&](std::int64_t begin, std::int64_t end) {
    round_to_uint8(from + begin, to + begin, static_cast<std::size_t>(end - begin), inverse,
                   static_cast<int>(scale.zero_point));
  });
  return output;
}

torch::Tensor quantized_weight(const Int8Node& node) {
  if (node.weight_scale.dim() == 0) {
    return at::_make_per_tensor_quantized_tensor(node.weight, node.weight_scale.item<double>(), 0);
  }
  const torch::Tensor zero_points = torch::zeros_like(node.weight_scale, torch::kLong);
  return at::_make_per_channel_quantized_tensor(node.weight, node.weight_scale.to(torch::kDouble), zero_points, 0);
}

c10::IValue packed_weight(const Int8Node& node, const nn::Layer& layer) {
  const torch::Tensor weight = quantized_weight(node);
  c10::IValue bias;
  if (node.bias.defined()) bias = node.bias;
  if (node.op != "conv2d") return call_operator("linear_prepack", "", {weight, bias});
  const nn::Conv2dOptions& o = dynamic_cast<const nn::Conv2d&>(layer).options();
  return call_operator("conv2d_prepack", "",
                       {weight, bias, pair_of(o.stride), pair_of(o.padding), pair_of(o.dilation), o.groups});
}

torch::Tensor run_kernel(const Int8Node& node, const nn::Layer& layer, const c10::IValue& packed, bool reduce_range,
                         const nn::Tensors& inputs) {
  const torch::Tensor output = compute(node, layer, packed, reduce_range, inputs);
  if (node.activation == "relu6") return clip_to_6(output);
  return output;
}

}  // namespace mlrun::quant
