#pragma once

#include <torch/types.h>

namespace mlrun::nn {

/// Whether a batch norm can train on `input`, [N, C, ...]: it takes several values of each channel, for one has no
/// variance.
inline bool has_variance(const torch::Tensor& input) { return input.numel() != input.size(1); }

}  // namespace mlrun::nn
