#pragma once

#include <string>

#include "nn/layer.h"
#include "weights/safetensors.h"

namespace mlrun::weights {

/// Copies `tensors` into the state dict of `model`, which must have exactly these keys with these
/// shapes. Floating dtypes are converted to the model's; other dtypes must be the model's. `file`
/// is only named: one UserError lists missing, unexpected and mis-shaped keys and wrong dtypes,
/// and then nothing was copied.
void load_weights(nn::Layer& model, const NamedTensors& tensors, const std::string& file);

}  // namespace mlrun::weights
