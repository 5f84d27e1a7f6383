#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "nn/layer.h"

namespace mlrun::nn {

/// What one call of a layer costs in one evaluation of a model.
struct LayerProfile {
  std::string path, type;
  int call = 0;                 ///< which of the layer's calls in the pass
  std::vector<int64_t> output;  ///< shape of its first output
  int64_t params = 0;           ///< its own, its children's not counted; 0 from its second call on
  int64_t macs = 0;             ///< multiply-adds of its own (see Layer::macs)
};

struct Profile {
  std::vector<LayerProfile> layers;  ///< in the order in which they finish
  int64_t params = 0;                ///< elements of all parameters
  int64_t macs = 0;
};

/// Elements of all parameters.
int64_t parameter_count(const Layer& root);

/// Runs `root` once in evaluation mode on an input of this shape (batch first) without numbers, so
/// that it takes milliseconds and the weights may be uninitialised. Modes are left as they were.
/// UserError, as the model's own, where it takes no such input; c10::Error where it does not run
/// without numbers, as when its sizes depend on them.
Profile profile(Layer& root, const std::vector<int64_t>& input_shape);

/// The same on these very inputs, with numbers.
Profile profile_of_pass(Layer& root, const Tensors& inputs);

/// The first where the model runs without numbers, else the second; the parameters should be initialised then.
Profile profile_anyhow(Layer& root, const Tensors& inputs);
/// The same on zeros, where the parameters are.
Profile profile_anyhow(Layer& root, const std::vector<int64_t>& input_shape);

}  // namespace mlrun::nn
