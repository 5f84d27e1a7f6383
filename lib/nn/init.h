#pragma once

#include <optional>

#include <torch/types.h>

#include "nn/layer.h"

/// Initialisers that draw from the default generator exactly as torch.nn.init does. Weights are
/// [out, in / groups, kernel...].
namespace mlrun::nn::init {

/// Kaiming uniform over the fan-in, for a leaky ReLU of slope `a` (He et al., ICCV 2015).
void kaiming_uniform(torch::Tensor weight, double a);

/// Kaiming normal over the fan-out, for a ReLU.
void kaiming_normal_fan_out(torch::Tensor weight);

void normal(torch::Tensor tensor, double mean, double std);

/// What Conv2d and Linear are constructed with: `kaiming_uniform(weight, sqrt(5))`, then the bias,
/// where there is one, uniform within 1 / sqrt(fan-in).
void reset_weight_and_bias(torch::Tensor weight, torch::Tensor bias);

/// Second pass of torchvision's convolutional networks, in `modules()` order: convolutions by
/// `kaiming_normal_fan_out`, linear layers normal with `linear_std` where that is given, biases of
/// both zero.
void redraw(Layer& root, std::optional<double> linear_std = std::nullopt);

}  // namespace mlrun::nn::init
