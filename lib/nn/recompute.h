#pragma once

#include <map>
#include <memory>
#include <vector>

#include "nn/flow/calls.h"
#include "nn/recompute_blocks.h"

namespace mlrun::nn {

/// Activation checkpointing (Chen et al., "Training Deep Nets with Sublinear Memory Cost", 2016): of every block of
/// `recompute_blocks` the forward pass keeps the inputs alone, and the backward pass computes the block again, with
/// the random numbers and the precision that it had; a block that runs several times in a pass is computed again for
/// each of its calls. Batch norm counts a batch once. Outputs, gradients and statistics
/// are those without it, to the bit, where the device computes the same twice.
class Recompute : public Interceptor {
 public:
  /// For the model `root` alone, which must outlive it.
  explicit Recompute(Layer& root);
  ~Recompute() override;

  Tensors around(Layer& layer, const Tensors& inputs, const Proceed& proceed) override;

  struct Block;  ///< a block's parameters, batch norms and what was learnt about it

 private:
  Tensors run_steps(Sequential& sequence, int call, const torch::Tensor& input);

  struct Part {
    std::size_t first, last;
    std::unique_ptr<Block> block;
  };
  CallCounter calls_;
  std::map<const Layer*, std::unique_ptr<Block>> blocks_;
  std::map<const Layer*, std::vector<Part>> sequences_;  ///< stretches in order
};

}  // namespace mlrun::nn
