#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "data/sources/source.h"

namespace mlrun::data {

/// The names that a pattern with braces stands for, as a shell expands it: `{000..011}` counts, with as many
/// digits, `{a,b}` lists. UserError where braces do not match or it stands for more than a million names.
std::vector<std::string> expand_braces(const std::string& pattern);

/// WebDataset shards: `request.root` is a folder of .tar files (or of folders train, val and test with such
/// files), a single .tar, or a pattern with braces. Class names come from classes.txt beside the shards (one a
/// line), else the labels' numbers are the names. A sample's id is its shard's path and its image's name.
std::shared_ptr<const Dataset> open_webdataset(const config::NoOptions& options, const OpenRequest& request);

/// Whether a folder holds shards, itself or in its folder train.
bool holds_shards(const std::filesystem::path& folder);

/// The file in a folder of shards that names the classes.
constexpr const char* kClassesFile = "classes.txt";

}  // namespace mlrun::data
