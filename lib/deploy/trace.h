#pragma once

#include <functional>

#include <torch/script.h>

#include "nn/layer.h"

namespace mlrun::deploy {

struct TraceOptions {
  /// What is done to the input before the model sees it, and becomes part of the graph.
  std::function<torch::Tensor(const torch::Tensor&)> before;
  /// Operations in place are recorded as what they compute: graphs to be translated want that.
  bool out_of_place = false;
};

/// Records what `model` computes of `example` in evaluation mode: a TorchScript module whose
/// parameters and buffers are the model's own tensors under their state-dict names, with a method
/// `forward` from one tensor to the main output. Each node's scope is the path of the layer that
/// made it. Leaves the model as it was.
torch::jit::Module trace(nn::Layer& model, const torch::Tensor& example, const TraceOptions& options = {});

}  // namespace mlrun::deploy
