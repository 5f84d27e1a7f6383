#pragma once

#include <vector>

#include "nn/layers.h"
#include "quant/dataflow.h"

/// Layers that int8 computes as one, as torch.ao.quantization.fuse_modules makes them one.
namespace mlrun::quant {

/// A convolution, linear layer, addition or batch norm, with what follows it and takes nothing else's output:
/// Conv2d [BatchNorm2d] [ReLU | ReLU6], Linear [ReLU | ReLU6], Add [ReLU | ReLU6], BatchNorm2d [ReLU | ReLU6].
struct Group {
  std::size_t leaf = 0;                  ///< of `op`, in the data flow
  nn::Layer* op = nullptr;               ///< Conv2d, Linear, Add or BatchNorm2d
  nn::BatchNorm2d* norm = nullptr;       ///< folded into the convolution
  nn::Activation* activation = nullptr;  ///< ReLU or ReLU6
  ValueId output = kUnknownValue;        ///< what the last of them gives

  nn::Layer* last() const;
};

/// All groups in the order in which they run; a layer that nothing joins is a group by itself.
std::vector<Group> fusion_groups(const Dataflow& flow);

struct FoldedConv {
  torch::Tensor weight;  ///< [out, in / groups, kernel height, kernel width]
  torch::Tensor bias;    ///< [out]
};

/// The convolution that gives what `conv` and then `norm` give in evaluation: torch's fuse_conv_bn_weights, to the bit.
FoldedConv fold(const nn::Conv2d& conv, const nn::BatchNorm2d& norm);

}  // namespace mlrun::quant
