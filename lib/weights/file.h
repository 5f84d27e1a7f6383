#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "weights/safetensors.h"

namespace mlrun::weights {

/// The modules of a state dict, as `features.0`, each with the version of what it keeps there: what PyTorch calls
/// `_metadata`, which modules look at when they are loaded. The outermost module's name is empty.
using ModuleVersions = std::vector<std::pair<std::string, std::int64_t>>;

/// What names alone tell: the modules that they lead through, batch norms (told by `num_batches_tracked`) in version 2,
/// all else in version 1.
ModuleVersions module_versions(const NamedTensors& tensors);

/// The tensors of a file and where in it they stood.
struct WeightFile {
  NamedTensors tensors;                    ///< on the CPU, in the file's order, names without wrappers' prefixes
  Metadata metadata;                       ///< safetensors: its metadata; pickles: the outermost numbers and texts;
                                           ///< TorchScript: `script_metadata`
  std::string format;                      ///< `safetensors`, `pth (zip)`, `pth (legacy)`, `torchscript`
  std::string entry;                       ///< the nested dictionary that was taken, as `model`; empty: the outermost
  std::vector<std::string> other_entries;  ///< further dictionaries of tensors, as `model_ema`
  std::vector<std::string> notes;          ///< what was left out or renamed, one line each
  ModuleVersions versions{};               ///< as a state dict of torch.save has them; empty where it has none
};

/// Reads weights; what format a file has is seen from its content. `entry` names a nested
/// dictionary (`model_ema`, `ema.state_dict`); empty takes the outermost dictionary, or the nested
/// one that is the model's by convention (`state_dict`, `model`, ...). Prefixes that wrappers add
/// to every name (`module.`, `_orig_mod.`, Lightning's first component) are removed, with a note.
///
/// A pickle is read as data: nothing that it names is called. Tensors view one private memory
/// mapping of the file where it stores them plain and aligned, and share storage as they did when
/// saved. UserError, one line, for whatever is damaged, hostile or not supported.
WeightFile read_weights(const std::filesystem::path& path, const std::string& entry = "");

/// What mlrun wrote beside the module of a TorchScript archive (recipe, data, ...); empty for any other file.
Metadata script_metadata(const std::filesystem::path& path);

/// Writes one flat OrderedDict of tensors as torch.save does (zip, protocol 2, data aligned to 64
/// bytes), atomically; the same tensors give the same bytes. torch.load(weights_only=True) reads
/// it from 1.13 on. Tensors that share memory share it in the file; names must be unique. `versions` become the
/// dictionary's `_metadata`; where there are none, those of `module_versions`.
void write_pth(const std::filesystem::path& path, const NamedTensors& tensors, const ModuleVersions& versions = {});

}  // namespace mlrun::weights
