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

/// Kaiming normal over the fan-in, for a ReLU.
void kaiming_normal_fan_in(torch::Tensor weight);

void normal(torch::Tensor tensor, double mean, double std);

/// Uniform in [-bound, bound).
void uniform(torch::Tensor tensor, double bound);

/// Normal, cut off at `low` and `high`, by the inverse of its distribution function.
void trunc_normal(torch::Tensor tensor, double mean, double std, double low = -2, double high = 2);

/// Xavier (Glorot) uniform over fan-in and fan-out (Glorot & Bengio, AISTATS 2010).
void xavier_uniform(torch::Tensor weight);

/// What Conv2d and Linear are constructed with: `kaiming_uniform(weight, sqrt(5))`, then the bias,
/// where there is one, uniform within 1 / sqrt(fan-in).
void reset_weight_and_bias(torch::Tensor weight, torch::Tensor bias);

/// Second pass of torchvision's convolutional networks, in `modules()` order: convolutions by
/// `kaiming_normal_fan_out`, linear layers normal with `linear_std` where that is given, biases of
/// both zero.
void redraw(Layer& root, std::optional<double> linear_std = std::nullopt);

/// Second pass of torchvision's transformers, in `modules()` order: linear layers, and convolutions
/// where asked for, by `trunc_normal` around 0; biases of both zero.
void redraw_truncated(Layer& root, double std, bool convolutions);

}  // namespace mlrun::nn::init
