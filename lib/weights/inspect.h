#pragma once

#include <filesystem>
#include <string>

#include "base/json.h"

namespace mlrun::weights {

/// What a weight file of any format holds: `file`, `format`, `entry` and `other_entries` (of nested
/// dictionaries), `sha256`, `bytes`, `params` (elements of all tensors), `tensors` (`name`, `dtype`
/// as safetensors spells it, `shape`, `bytes`), `metadata`, `notes`. Of safetensors the header alone
/// is read, so dtypes that LibTorch lacks are shown too.
Json describe_weights(const std::filesystem::path& file, const std::string& entry = "");

}  // namespace mlrun::weights
