#pragma once

#include <torch/types.h>

/// Keras's initialisers, drawn from the default generator. Weights are [out, in / groups, kernel...]; of a depthwise
/// convolution Keras counts all channels as its fan-in, and the window alone as its fan-out.
namespace mlrun::nn::init {

/// VarianceScaling as it is by default: normal with variance 1 / fan-in, cut off at two standard deviations (and
/// widened by what the cut takes away).
void variance_scaling(torch::Tensor weight, bool depthwise);

/// GlorotUniform.
void glorot_uniform(torch::Tensor weight, bool depthwise);

}  // namespace mlrun::nn::init
