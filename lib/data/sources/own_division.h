#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "data/sources/splits.h"

namespace mlrun::data {

/// The splits that a folder of images has of its own: folders named as splits (`split_named`) in which all of them lie,
/// or lists of names `train.txt`, `val.txt`, `test.txt` in the root. `images` are their paths from their folder on;
/// lists have these, with or without endings. Nothing where there are neither. UserError for a name without an image.
std::optional<Division> own_division(const std::filesystem::path& root,
                                     const std::vector<std::filesystem::path>& images);

/// The path without the ending of its last name.
std::filesystem::path without_ending(const std::filesystem::path& path);

}  // namespace mlrun::data
