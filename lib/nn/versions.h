#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "nn/layer.h"

namespace mlrun::nn {

/// The model's modules that keep tensors, or have some that do below them, and the version that upstream's class of
/// each has, parents first: what a state dict's `_metadata` says of them.
std::vector<std::pair<std::string, std::int64_t>> module_versions(Layer& root);

}  // namespace mlrun::nn
