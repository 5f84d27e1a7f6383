#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "nn/layer.h"

namespace mlrun::nn {

/// What one layer costs in one evaluation of a model.
struct LayerProfile {
  std::string path, type;
  std::vector<int64_t> output;  ///< shape of its first output
  int64_t params = 0;           ///< its own, its children's not counted
  int64_t macs = 0;             ///< multiply-adds of its own (see Layer::macs)
};

struct Profile {
  std::vector<LayerProfile> layers;  ///< in the order in which they finish
  int64_t params = 0;                ///< elements of all parameters
  int64_t macs = 0;
};

/// Runs `root` once in evaluation mode on an input of this shape (batch first) without numbers, so
/// that it takes milliseconds and the weights may be uninitialised. Modes are left as they were.
Profile profile(Layer& root, const std::vector<int64_t>& input_shape);

}  // namespace mlrun::nn
