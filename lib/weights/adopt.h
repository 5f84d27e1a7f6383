#pragma once

#include <utility>
#include <vector>

#include <torch/types.h>

namespace mlrun::weights {

/// Gives each first tensor the values of the second, which must have its shape: it takes over the
/// second's memory where that is on the CPU, of its dtype, layout and strides, aligned to 16 bytes
/// and nobody else's among `pairs`; elsewhere values are copied (and converted). What was read from
/// a file is then mapped, not copied: pages are read when they are needed and are the process's own
/// once they are written to.
void adopt_tensors(const std::vector<std::pair<torch::Tensor, torch::Tensor>>& pairs);

}  // namespace mlrun::weights
