#pragma once

#include <string>

#include "nn/layer.h"
#include "weights/safetensors.h"

namespace mlrun::weights {

struct LoadHints {
  std::string names = "are they of this model?";
  std::string shapes = "check the model's options, as num_classes";
};

/// Copy leaves the given tensors alone. Adopt lets the model take over their memory where it can (see
/// `adopt_tensors`): for tensors fresh from a file, which nobody else writes to.
enum class Transfer { Copy, Adopt };

/// Copies `tensors` into the state dict of `model`, which must have exactly these keys with these
/// shapes. Floating dtypes are converted to the model's; other dtypes must be the model's. `file`
/// is only named: one UserError lists missing, unexpected and mis-shaped keys and wrong dtypes,
/// and then nothing was copied. `hints` say what to do about names and about shapes.
void load_weights(nn::Layer& model, const NamedTensors& tensors, const std::string& file, const LoadHints& hints = {},
                  Transfer transfer = Transfer::Copy);

}  // namespace mlrun::weights
