#pragma once

#include <string>
#include <vector>

#include <torch/types.h>

#include "deploy/onnx/graph.h"
#include "deploy/onnx/ops.h"

namespace mlrun::deploy {

/// A node that is to be run, its values by number; -1: one that is not given or not wanted.
struct OnnxStep {
  OnnxNode node;
  OnnxOperator operation;
  std::vector<int> inputs, outputs;
  std::vector<int> done;  ///< values that nothing uses any more
};

struct OnnxPlan {
  std::vector<OnnxStep> steps;           ///< what the outputs need, each after what it needs itself
  std::vector<torch::Tensor> constants;  ///< by number of the value; undefined: computed
  std::vector<int> inputs, outputs;
};

/// Orders the graph's nodes. UserError where it has cycles, values without a node or with two, or operators that
/// are not known.
OnnxPlan plan_onnx(const OnnxGraph& graph);

/// Fills `done` of every step.
void mark_last_uses(OnnxPlan& plan);

/// Where an error is: `node 'name' (Conv, opset 13)`.
std::string onnx_place(const OnnxNode& node, std::int64_t opset);

}  // namespace mlrun::deploy
