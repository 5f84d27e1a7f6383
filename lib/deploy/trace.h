#pragma once

#include <functional>

#include <torch/script.h>

#include "nn/layer.h"

namespace mlrun::deploy {

struct TraceOptions {
  /// What is done to the only input before the model sees it, and becomes part of the graph.
  std::function<torch::Tensor(const torch::Tensor&)> before;
  /// Operations in place are recorded as what they compute: graphs to be translated want that.
  bool out_of_place = false;
};

/// Records what `model` computes of `example`, the tensors at its input ports, in evaluation mode: a TorchScript module
/// whose parameters and buffers are the model's own tensors under their state-dict names, with a method `forward` that
/// takes the tensors by `nn::tensor_names` and gives that of the output port, or a tuple where there are several. Each
/// node's scope is the path of the layer that made it. Leaves the model as it was.
torch::jit::Module trace(nn::Layer& model, const nn::Tensors& example, const TraceOptions& options = {});

}  // namespace mlrun::deploy
