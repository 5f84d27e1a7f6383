#pragma once

#include <array>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/sources/split.h"

namespace mlrun::data {

/// The split that a folder or a word names, in any case: train, training; val, valid, validation, dev; test, testing,
/// eval, evaluation.
std::optional<Split> split_named(std::string_view name);

/// Which of `folders` holds which split, in the order of Split; empty where none does. UserError where two folders of
/// `root` name the same one.
std::array<std::string, 3> split_folders(const std::vector<std::string>& folders, const std::filesystem::path& root);

}  // namespace mlrun::data
