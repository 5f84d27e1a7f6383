#pragma once

#include <string>
#include <vector>

namespace mlrun::weights {

/// Names without what wrappers add to all of them, in the same order.
struct UnwrappedNames {
  std::vector<std::string> names;  ///< empty where the tensor is a wrapper's own and to be left out
  std::vector<std::string> notes;
};

/// Removes `module.` (DataParallel, averaged models) and `_orig_mod.` (compiled ones) where every
/// name has it, and for a LightningModule the attribute that every name starts with; leaves out
/// the counter `n_averaged` of an averaged model.
UnwrappedNames unwrap_names(std::vector<std::string> names, bool lightning);

}  // namespace mlrun::weights
