#pragma once

#include <cstdint>
#include <vector>

#include <torch/script.h>

#include "deploy/onnx/graph.h"

namespace mlrun::deploy {

/// The opsets that are written. Before 13 reductions and slices look different; from 18 on this libonnx is too old.
constexpr std::int64_t kOldestWrittenOpset = 13;
constexpr std::int64_t kNewestWrittenOpset = 17;

/// What goes into a graph and comes out, in the order of the trace. Shapes have -1 where any size will do; of outputs
/// they say that of the first axis alone, all else is the trace's, but for maps of images of any height and width.
struct OnnxDoors {
  std::vector<OnnxValue> inputs, outputs;
};

/// Translates a trace (`trace` with `out_of_place`) into an ONNX graph. What depends on constants alone is computed
/// here. Tensors of the model keep their state-dict names, operators are called after the layers that made them.
/// UserError that names the operator and its layer where one has no mapping.
OnnxGraph onnx_graph_of(const torch::jit::Module& traced, const OnnxDoors& doors, std::int64_t opset);

}  // namespace mlrun::deploy
