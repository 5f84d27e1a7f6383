#pragma once

#include <cstdint>

#include <torch/script.h>

#include "deploy/onnx/graph.h"

namespace mlrun::deploy {

/// The opsets that are written. Before 13 reductions and slices look different; from 18 on this libonnx is too old.
constexpr std::int64_t kOldestWrittenOpset = 13;
constexpr std::int64_t kNewestWrittenOpset = 17;

/// Translates a trace (`trace` with `out_of_place`) into an ONNX graph from `input` to `output`. What depends on
/// constants alone is computed here. Tensors of the model keep their state-dict names, operators are called after
/// the layers that made them. `input`'s shape has -1 where any size will do. UserError that names the operator and its
/// layer where one has no mapping.
OnnxGraph onnx_graph_of(const torch::jit::Module& traced, const OnnxValue& input, std::int64_t opset);

}  // namespace mlrun::deploy
