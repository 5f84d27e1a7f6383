#pragma once

#include <string>
#include <vector>

#include "nn/layer.h"
#include "quant/plan.h"

namespace mlrun::quant {

/// What int8 does to the output of one kernel that gets the float model's inputs.
struct LayerNoise {
  std::string path, op;
  double db = 0;  ///< signal to noise: 10 log10 of (sum of squares / sum of squared errors); infinite without error
};

/// Every kernel of an int8 model by itself, the worst first. `reference` is the same model in float, `int8` one that
/// attach_int8 was called with. Each batch is all the model's inputs. UserError where there are no batches.
std::vector<LayerNoise> layer_noise(nn::Layer& reference, nn::Layer& int8, const std::vector<nn::Tensors>& batches);

}  // namespace mlrun::quant
