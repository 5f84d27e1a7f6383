#include "data/sources/image_folder.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <torch/torch.h>

#include "base/error.h"
#include "base/log.h"
#include "data/sources/groups.h"
#include "data/sources/image_files.h"
#include "data/sources/listing.h"
#include "data/sources/listing_cache.h"
#include "data/sources/split_dataset.h"
#include "data/sources/splits.h"

namespace mlrun::data {
namespace {

namespace fs = std::filesystem;

bool has(const std::vector<std::string>& names, const char* name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool holds_splits(const std::vector<std::string>& folders) {
  const bool only_splits = std::all_of(folders.begin(), folders.end(), [](const std::string& name) {
    return name == "train" || name == "val" || name == "test";
  });
  return only_splits && has(folders, "train") && folders.size() > 1;
}

std::vector<std::string> class_folders(const fs::path& folder) {
  auto classes = sub_folders(folder);
  if (!classes.empty()) return classes;
  throw file_error(folder.string(), "holds no class folders", "put each class's images into a folder with its name");
}

/// The images of one folder of classes.
struct ClassTree {
  std::string prefix;  ///< the split's folder with a slash, or empty where the classes lie in the root
  std::vector<std::string> folders;
  std::shared_ptr<ImageFiles> images;
};

/// UserError unless each of the tree's folders is one of the classes, which are sorted.
void check_classes(const ClassTree& tree, const fs::path& root, const std::vector<std::string>& classes) {
  for (const auto& name : tree.folders) {
    if (std::binary_search(classes.begin(), classes.end(), name)) continue;
    throw file_error((root / (tree.prefix + name)).string(), "train has no class '" + name + "'",
                     "the splits must hold the same classes");
  }
}

/// Lists all trees at once, so that one listing is kept for the root.
void list_trees(std::vector<ClassTree>& trees, const OpenRequest& request, const std::vector<std::string>& classes) {
  std::vector<std::string> folders;
  for (const auto& tree : trees) {
    check_classes(tree, request.root, classes);
    for (const auto& name : tree.folders) folders.push_back(tree.prefix + name);
  }
  auto listed = list_image_folders(request.root, folders);
  auto next = listed.begin();
  const auto cache = std::make_shared<FileCache>(request.cache);
  for (auto& tree : trees) {
    tree.images = std::make_shared<ImageFiles>();
    tree.images->root = request.root;
    tree.images->apply_exif = request.apply_exif;
    tree.images->cache = cache;
    for (const auto& name : tree.folders) {
      auto& files = *next++;
      if (files.empty()) {
        throw file_error((request.root / (tree.prefix + name)).string(), "the class folder holds no images",
                         "jpg, jpeg, png, bmp, webp, tif, tiff, ppm and pgm files count; remove the folder or fill it");
      }
      const auto label = std::lower_bound(classes.begin(), classes.end(), name) - classes.begin();
      tree.images->labels.insert(tree.images->labels.end(), files.size(), label);
      std::move(files.begin(), files.end(), std::back_inserter(tree.images->files));
    }
  }
}

/// Finds the groups of a tree's images.
void group_images(ClassTree& tree, const std::string& pattern) {
  const GroupPattern find(pattern);
  const auto depth = std::count(tree.prefix.begin(), tree.prefix.end(), '/') + 1;
  for (const auto& file : tree.images->files) {
    if (pattern == "parent" && std::count(file.path.begin(), file.path.end(), '/') == depth) {
      throw UserError(Problem{"", 0, 0, "data.split.group",
                              "'" + file.path +
                                  "' lies in its class's folder itself: `parent` would keep the class "
                                  "together, not a group",
                              "put each group's images into a folder of its own, or write a regular expression"});
    }
    tree.images->groups.push_back(find.of(file.path));
  }
}

void warn_of_one_class(const fs::path& root, const std::vector<std::string>& classes) {
  if (classes.size() > 1) return;
  log::warning(root.string() + ": there is one class only, '" + classes.front() +
               "'; if its folders are the classes, data.root must name it");
}

/// The trees of a root: the pool to be divided, then the splits of its own.
std::vector<ClassTree> find_trees(const fs::path& root) {
  auto folders = class_folders(root);
  std::vector<ClassTree> trees;
  if (!holds_splits(folders)) {
    trees.push_back({"", std::move(folders), nullptr});
    return trees;
  }
  for (const char* split : {"train", "val", "test"}) {
    if (has(folders, split)) trees.push_back({std::string(split) + "/", class_folders(root / split), nullptr});
  }
  return trees;
}

}  // namespace

std::shared_ptr<const Dataset> open_image_folder(const config::NoOptions&, const OpenRequest& request) {
  check_root(request.root);
  auto trees = find_trees(request.root);
  const auto own = [&](const char* prefix) {
    return std::any_of(trees.begin(), trees.end(), [&](const ClassTree& tree) { return tree.prefix == prefix; });
  };
  check_shares(request.split, own("val/"), own("test/"));

  DataInfo info;
  info.name = data_name(request.root);
  info.classes = trees.front().folders;
  warn_of_one_class(request.root, info.classes);
  list_trees(trees, request, info.classes);
  ClassTree& pool = trees.front();
  if (request.split.group) group_images(pool, *request.split.group);

  std::vector<ListedFile> all;
  for (const auto& tree : trees) all.insert(all.end(), tree.images->files.begin(), tree.images->files.end());
  info.fingerprint = fingerprint(std::move(all));
  Division division = divide(pool.images->labels, pool.images->groups, request.split);
  SplitDataset::Splits splits;
  for (std::size_t i = 0; i < splits.size(); ++i) {
    if (!division.parts[i].empty()) splits[i] = make_image_source(pool.images, std::move(division.parts[i]));
  }
  for (auto tree = trees.begin() + 1; tree != trees.end(); ++tree) {
    splits[tree->prefix == "val/" ? 1 : 2] = make_image_source(tree->images);
  }
  return std::make_shared<SplitDataset>(std::move(info), std::move(splits));
}

}  // namespace mlrun::data
