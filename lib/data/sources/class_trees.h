#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "data/sources/split_names.h"

namespace mlrun::data {

/// A folder of class folders.
struct ClassTree {
  Split split = Split::Train;
  std::string prefix{};                ///< the split's folder with a slash, or empty where the classes lie in the root
  std::vector<std::string> folders{};  ///< of classes, in code point order
};

/// The trees of a root, train first: those of its splits where its folders are named as such (`split_named`) and one is
/// train, else the root itself. A test split that holds images and no class folders is left out, as are folders beside
/// the splits that hold other things; both are told. UserError where there are no class folders, where two folders name
/// one split, where splits have no train, and where all folders hold the same folders, so that they may be splits under
/// names of their own. With `all_are_classes` every folder of the root is a class.
std::vector<ClassTree> find_class_trees(const std::filesystem::path& root, bool all_are_classes);

}  // namespace mlrun::data
