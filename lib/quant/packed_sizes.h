#pragma once

#include <cstdint>
#include <list>
#include <string>
#include <vector>

#include <ATen/core/ivalue.h>

#include "nn/layer.h"
#include "quant/plan.h"

namespace mlrun::quant {

/// Weight and bias of one layer as its kernel takes them (LibTorch's packed parameters), for each size at which it
/// runs.
///
/// oneDNN's kernels have weights in an order that depends on the size of the input and the number of threads. LibTorch
/// orders packed ones at their first use; at any other size it orders them anew in every call, which takes longer than
/// a small convolution, and fails where oneDNN knows no way from one order to the other ("could not create a primitive
/// descriptor for a reorder primitive": on processors with VNNI, batch 1 after another batch). So each of the last few
/// sizes has its own, times the node's calls in a pass, which may all differ in it.
class PackedSizes {
 public:
  /// For the engine, which must be the one in use whenever weights are packed. Node and layer must outlive this.
  PackedSizes(const Int8Node& node, const nn::Layer& layer, const std::string& engine);

  /// For this input, on as many threads as LibTorch has now.
  const c10::IValue& at(const torch::Tensor& input);
  /// What nothing has run with yet. Traces take it from then on, as they must find what they know.
  c10::IValue fresh();

  /// Sizes that have theirs.
  std::size_t count() const { return entries_.size(); }

 private:
  struct Entry {
    std::vector<std::int64_t> sizes;
    int threads = 0;
    c10::IValue packed;
  };

  const Int8Node& node_;
  const nn::Layer& layer_;
  bool by_size_;
  std::list<Entry> entries_;  // the one used last in front
  c10::IValue traced_;
};

}  // namespace mlrun::quant
