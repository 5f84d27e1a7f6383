#pragma once

#include <filesystem>
#include <string>

namespace mlrun::data {

/// The name of the source that reads `root`, found from the files there: csv, idx, cifar10, cifar100,
/// flat, image_folder, or one of those with masks or boxes. UserError where it is none of them.
std::string detect_format(const std::filesystem::path& root);

}  // namespace mlrun::data
