#include "data/sources/class_trees.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "base/shell_text.h"
#include "data/shown_text.h"
#include "data/sources/listing.h"

namespace mlrun::data {
namespace {

namespace fs = std::filesystem;

constexpr const char* kClassesHint = "or set data.folders: classes where every folder of the root is a class";

std::vector<std::string> class_folders(const fs::path& folder) {
  auto classes = sub_folders(folder);
  if (!classes.empty()) return classes;
  throw file_error(folder.string(), "holds no class folders", "put each class's images into a folder with its name");
}

std::string quoted_names(const std::vector<std::string>& names) {
  constexpr std::size_t kMostNamed = 4;
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kMostNamed); ++i) {
    text += (i == 0 ? "'" : ", '") + shown_text(names[i]) + "'";
  }
  return names.size() <= kMostNamed ? text : text + " and " + std::to_string(names.size() - kMostNamed) + " more";
}

/// Whether folders with these names are splits: all of them, or train with class folders and another one.
bool are_splits(const fs::path& root, const std::vector<std::string>& folders,
                const std::array<std::string, 3>& splits) {
  const auto named = static_cast<std::size_t>(
      std::count_if(splits.begin(), splits.end(), [](const std::string& name) { return !name.empty(); }));
  if (named == 0) return false;
  const auto nested = [&](const std::string& name) { return !name.empty() && !sub_folders(root / name).empty(); };
  if (splits[0].empty()) {
    if (named < folders.size() || !std::any_of(splits.begin(), splits.end(), nested)) return false;
    throw file_error(root.string(), "holds " + quoted_names(folders) + " and no folder train",
                     std::string("name the folder to learn from train, ") + kClassesHint);
  }
  if (named == folders.size() && named > 1) return true;
  return (named == folders.size() || named > 1) && nested(splits[0]);
}

/// Folders beside the splits are told, or refused where they look like a further one.
void look_beside(const fs::path& root, const std::vector<std::string>& folders,
                 const std::vector<std::string>& classes) {
  std::vector<std::string> others;
  for (const auto& name : folders) {
    if (split_named(name)) continue;
    if (sub_folders(root / name) == classes) {
      throw file_error((root / name).string(), "holds the same class folders as train, and is named as no split",
                       std::string("name it val or test, or move it elsewhere, ") + kClassesHint);
    }
    others.push_back(name);
  }
  if (others.empty()) return;
  log::warning(root.string() + ": " + quoted_names(others) + (others.size() == 1 ? " is" : " are") +
               " left out: beside the splits, not named as one");
}

/// True for a test split whose images have no labels, which is told.
bool unlabelled(const fs::path& folder) {
  if (!sub_folders(folder).empty()) return false;
  const LeftOut loose = loose_images(folder);
  if (loose.empty()) return false;
  log::warning(folder.string() + ": its " + std::to_string(loose.count()) +
               " images lie in no class folders, so they have no labels and are left out; `mlrun predict RUN " +
               shell_word(folder.string()) + "` says what they show");
  return true;
}

/// Stops where folders would be taken for classes that are splits, folds or the like.
void refuse_equal_folders(const fs::path& root, const std::vector<std::string>& folders) {
  if (folders.size() < 2) return;
  const auto inside = sub_folders(root / folders.front());
  if (inside.empty()) return;
  for (const auto& name : folders) {
    if (sub_folders(root / name) != inside) return;
  }
  throw file_error(root.string(),
                   "its folders " + quoted_names(folders) + " all hold the same folders, " + quoted_names(inside) +
                       ": are they splits, and those the classes?",
                   std::string("name them train, val and test, or let data.root name one of them, ") + kClassesHint);
}

}  // namespace

std::vector<ClassTree> find_class_trees(const fs::path& root, bool all_are_classes) {
  auto folders = class_folders(root);
  std::vector<ClassTree> trees;
  const auto splits = all_are_classes ? std::array<std::string, 3>() : split_folders(folders, root);
  if (!are_splits(root, folders, splits)) {
    if (!all_are_classes) refuse_equal_folders(root, folders);
    trees.push_back({Split::Train, "", std::move(folders)});
    return trees;
  }
  for (const Split split : {Split::Train, Split::Val, Split::Test}) {
    const std::string& name = splits[static_cast<std::size_t>(split)];
    if (name.empty() || (split == Split::Test && unlabelled(root / name))) continue;
    trees.push_back({split, name + "/", class_folders(root / name)});
  }
  look_beside(root, folders, trees.front().folders);
  return trees;
}

}  // namespace mlrun::data
