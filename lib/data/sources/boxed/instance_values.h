#pragma once

#include <vector>

#include <torch/types.h>

#include "data/sources/boxed/boxed.h"

namespace mlrun::data {

/// The things of a mask, int32 [H, W], in which each has a value of its own and 0 is the ground: their boxes, areas and
/// runs, by value. `shape` is the value.
std::vector<BoxedObject> things_of_values(const torch::Tensor& values);

}  // namespace mlrun::data
