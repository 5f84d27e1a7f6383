#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "weights/pickle.h"
#include "weights/pickled_modules.h"
#include "weights/pickled_tensor.h"
#include "weights/safetensors_header.h"

namespace mlrun::weights {

/// The tensors of a pickle: which dictionary they stood in, and what else there was.
struct PickledWeights {
  std::vector<PickledTensor> tensors;
  Metadata metadata;
  std::string entry;
  std::vector<std::string> other_entries;
  std::vector<std::string> notes;
  std::vector<std::pair<std::string, std::int64_t>> versions;  ///< of modules, by the dictionary's `_metadata`
};

/// Finds the weights in what torch.save wrote: a state dict, a checkpoint with one inside, or a
/// module. `entry` as in `read_weights`. UserError that names `file` and, where something else
/// stands in a tensor's place, the global that made it.
PickledWeights find_weights(const Pickle& pickle, const ScriptClasses& classes, const std::string& entry,
                            const std::string& file);

}  // namespace mlrun::weights
