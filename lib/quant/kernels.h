#pragma once

#include <string>

#include <ATen/core/ivalue.h>

#include "nn/layers.h"
#include "quant/plan.h"

/// LibTorch's quantized operators, which have no C++ functions: called through its dispatcher.
namespace mlrun::quant {

torch::Tensor quantize(const torch::Tensor& values, const Scale& scale);

/// A weight as LibTorch's quantized tensor.
torch::Tensor quantized_weight(const Int8Node& node);

/// Weight and bias as the engine in use wants them, for a node with a weight.
c10::IValue packed_weight(const Int8Node& node, const nn::Layer& layer);

/// What a node gives for quantized inputs (`linear_dynamic`: a float one). `packed` is of nodes with a weight.
torch::Tensor run_kernel(const Int8Node& node, const nn::Layer& layer, const c10::IValue& packed, bool reduce_range,
                         const nn::Tensors& inputs);

}  // namespace mlrun::quant
