#pragma once

#include <cstddef>
#include <map>
#include <vector>

#include "nn/layer.h"

/// Which layer's output goes where, seen at the door.
namespace mlrun::quant {

/// A value is what a tensor holds at one moment: a layer in place makes a new one, and a layer that changes nothing
/// (Identity, Dropout in evaluation) hands on the same. Negative: made by no recorded leaf.
using ValueId = int;
constexpr ValueId kUnknownValue = -1;

/// A layer that ran no other layer.
struct Leaf {
  nn::Layer* layer = nullptr;
  std::vector<ValueId> inputs, outputs;
};

struct Value {
  int producer = -1;                   ///< index of a leaf; -1: the model's input
  std::vector<std::size_t> consumers;  ///< indices of leaves, in order
  bool escapes = false;                ///< a layer around the leaves works on it itself, outside the door
  bool returned = false;               ///< the model's output
};

struct Dataflow {
  std::vector<Leaf> leaves;   ///< in the order in which they ran
  std::vector<Value> values;  ///< value 0 is the model's input

  /// The index of the layer's leaf; -1 where it did not run or is none.
  int find(const nn::Layer* layer) const;

  std::map<const nn::Layer*, int> index;
};

/// Runs `model` once on `example` in evaluation mode, without gradients. Leaves it as it was.
Dataflow trace_dataflow(nn::Layer& model, const torch::Tensor& example);

}  // namespace mlrun::quant
