#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "nn/flow/dataflow.h"
#include "nn/layers.h"
#include "nn/sized_windows.h"

/// A model as a list of operations for inference, several layers in each: what engines compile. It knows no shapes but
/// channels, and nothing of how an engine computes.
namespace mlrun::deploy {

using nn::ValueId;

enum class GraphOp {
  Conv,           ///< [batch norm] [activation] [+ residual [activation]]
  ConvTranspose,  ///< [activation]
  Linear,         ///< of [N, features]; [activation] [+ residual [activation]]
  Affine,         ///< x * weight + bias by channel (a batch norm that no convolution could take in) [activation]
  MaxPool,
  AvgPool,
  AdaptivePool,
  GroupNorm,  ///< [activation]
  Activation,
  Add,  ///< [activation]
  Mul,
  Concat,
  Chunk,
  Shuffle,
  Flatten,
  Resize,  ///< of the first input, to the height and width of the second; nearest: [+ residual]
  Layer,   ///< anything else: the layer itself, on plain tensors
};

struct GraphNode {
  GraphOp op = GraphOp::Layer;
  nn::Layer* layer = nullptr;            ///< the first of its layers, which has the options
  std::vector<ValueId> inputs, outputs;  ///< a residual is not among the inputs
  torch::Tensor weight, bias;  ///< of Conv, ConvTranspose, Linear, Affine, batch norm folded in, contiguous; bias is
                               ///< always defined; calls of one layer share them
  std::optional<nn::Act> activation;
  const nn::SamePad2d* pad = nullptr;       ///< of Conv: zeros that its input gets first
  ValueId residual = nn::kUnknownValue;     ///< added after `activation`
  ValueId summand = nn::kUnknownValue;      ///< what it is added to: the node's own value
  std::optional<nn::Act> final_activation;  ///< after the residual
};

/// Where a value comes from: an output of a leaf; leaf -1: it is an input of the model, of this number.
struct GraphSource {
  int leaf = -1;
  std::size_t output = 0;
};

struct GraphPlan {
  std::vector<GraphNode> nodes;          ///< in an order in which they can run
  std::vector<GraphSource> sources;      ///< of each value; the model's inputs come first
  std::vector<const nn::Layer*> leaves;  ///< the layers that computed in the pass, in order; repeated ones repeat
  std::size_t inputs = 0;                ///< of the model
  std::vector<ValueId> outputs;          ///< of the model
  std::string obstacle;                  ///< why the model cannot run as a graph; empty: it can
};

/// Looks at one pass of the model in evaluation mode. Folded weights are copies, others alias the model's.
GraphPlan plan_graph(nn::Layer& model, const nn::Tensors& example);

/// Sizes of all values for inputs of these sizes; UserError, as the model's own, where it takes no such inputs. Throws
/// NoGraph where sizes depend on numbers, and where other layers run than in the plan.
using ValueSizes = std::vector<std::vector<std::int64_t>>;
ValueSizes value_sizes(nn::Layer& model, const GraphPlan& plan, const ValueSizes& inputs);

}  // namespace mlrun::deploy
