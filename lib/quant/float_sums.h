#pragma once

#include "nn/layers.h"
#include "quant/plan.h"

namespace mlrun::quant {

/// Whether the node adds products of 8 bits with each other: a convolution or linear layer that is not depthwise.
bool adds_products(const Int8Node& node, const nn::Layer& layer);

/// Such a node's integers by float32 sums, which hold them: for kernels whose own sums overflow here (`saturates`).
/// Right to the rounding of a step, and as slow as the float layer.
class FloatSums {
 public:
  /// Both must outlive it.
  FloatSums(const Int8Node& node, const nn::Layer& layer);

  /// As `run_kernel`, for activations of 8 bits.
  torch::Tensor run(const torch::Tensor& input) const;

 private:
  const Int8Node& node_;
  const nn::Layer& layer_;
  torch::Tensor weight_;  // float32
};

}  // namespace mlrun::quant
