#pragma once

#include <cstddef>
#include <map>
#include <vector>

#include "nn/layer.h"

/// Which layer's output goes where, seen at the door.
namespace mlrun::nn {

/// A value is what a tensor holds at one moment: a layer in place makes a new one, and a layer that changes nothing
/// (Identity, Dropout in evaluation) hands on the same. Negative: made by no recorded leaf.
using ValueId = int;
constexpr ValueId kUnknownValue = -1;

/// A call of a layer that ran no other layer in it. A layer that runs several times in a pass has several.
struct Leaf {
  Layer* layer = nullptr;
  int call = 0;  ///< which of the layer's calls in the pass (see CallCounter)
  std::vector<ValueId> inputs, outputs;
};

struct FlowValue {
  int producer = -1;                   ///< index of a leaf; -1: an input of the model
  std::vector<std::size_t> consumers;  ///< indices of leaves, in order
  bool escapes = false;                ///< a layer around the leaves works on it itself, outside the door
  bool returned = false;               ///< an output of the model
};

struct Dataflow {
  std::vector<Leaf> leaves;              ///< in the order in which they ran
  std::vector<FlowValue> values;         ///< the model's inputs come first
  std::vector<ValueId> inputs, outputs;  ///< of the model

  /// The index of the leaf that a call is; a call beyond those that were seen counts as the last of them. -1 where the
  /// layer did not run, or ran others.
  int find(const Layer* layer, int call = 0) const;
  /// The indices of the layer's leaves, in order; none where it did not run, or only ran others.
  const std::vector<std::size_t>& calls(const Layer* layer) const;
  /// Whether the leaf is the first of its layer's.
  bool is_first(std::size_t leaf) const { return calls(leaves[leaf].layer).front() == leaf; }

  std::map<const Layer*, std::vector<std::size_t>> index;
};

/// Runs `model` once on `example`, all its inputs, in evaluation mode, without gradients. Leaves it as it was.
Dataflow trace_dataflow(Layer& model, const Tensors& example);

}  // namespace mlrun::nn
