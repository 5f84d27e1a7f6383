#pragma once

#include <set>
#include <vector>

#include "nn/flow/dataflow.h"
#include "nn/layers.h"

/// Layers that int8 computes as one, as torch.ao.quantization.fuse_modules makes them one.
namespace mlrun::nn {

/// A convolution, linear layer, addition or batch norm, with what follows it and takes nothing else's output:
/// Conv2d [BatchNorm2d] [ReLU | ReLU6], Linear [ReLU | ReLU6], Add [ReLU | ReLU6], BatchNorm2d [ReLU | ReLU6].
struct FusionGroup {
  std::size_t leaf = 0;              ///< of `op`, in the data flow
  Layer* op = nullptr;               ///< Conv2d, Linear, Add or BatchNorm2d
  BatchNorm2d* norm = nullptr;       ///< folded into the convolution
  Activation* activation = nullptr;  ///< ReLU or ReLU6
  int norm_leaf = -1;                ///< of `norm`
  int activation_leaf = -1;          ///< of `activation`
  ValueId output = kUnknownValue;    ///< what the last of them gives

  Layer* last() const;
  std::size_t last_leaf() const;
};

/// All groups in the order in which they run; a layer that nothing joins is a group by itself. None takes in a layer
/// that is to stay `apart`.
std::vector<FusionGroup> fusion_groups(const Dataflow& flow, const std::set<const Layer*>& apart = {});

struct FoldedConv {
  torch::Tensor weight;  ///< [out, in / groups, kernel height, kernel width]
  torch::Tensor bias;    ///< [out]
};

/// The convolution that gives what `conv` and then `norm` give in evaluation: torch's fuse_conv_bn_weights, to the bit.
FoldedConv fold(const Conv2d& conv, const BatchNorm2d& norm);

}  // namespace mlrun::nn
