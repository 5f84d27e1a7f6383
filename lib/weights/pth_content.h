#pragma once

#include <map>
#include <string>
#include <string_view>

#include "weights/pickled_weights.h"
#include "weights/zip.h"

namespace mlrun::weights {

/// The weights in a file of torch.save or torch.jit.save, and where the bytes of their storages lie.
struct PthContent {
  PickledWeights weights;
  std::string format;                                     ///< as in `WeightFile`
  std::map<std::string, ZipEntry, std::less<>> storages;  ///< of the tensors, by key; legacy ones as if stored
};

/// Whether `content` starts as a zip archive does.
bool is_zip(std::string_view content);

/// Reads everything but the tensors' bytes from a file whose whole content is `content`. Each
/// tensor lies in its storage and each storage in the file, with the sizes that the file gives in
/// both places; tensors that repeat elements (expanded ones) or share them do not add up to more
/// than 64 MiB and 16 times the file. UserError that names `file`.
PthContent parse_pth(std::string_view content, const std::string& entry, const std::string& file);

/// What stands beside the module in a TorchScript archive that mlrun wrote: the texts of its `extra/metadata.json`.
/// Empty where there is none, and for other contents.
Metadata script_metadata(std::string_view content, const std::string& file);

}  // namespace mlrun::weights
