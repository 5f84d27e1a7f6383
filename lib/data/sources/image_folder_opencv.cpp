#include "data/sources/image_folder.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <torch/types.h>

#include "base/error.h"
#include "base/log.h"
#include "data/shown_text.h"
#include "data/sources/class_trees.h"
#include "data/sources/groups.h"
#include "data/sources/image_files.h"
#include "data/sources/listing.h"
#include "data/sources/listing_cache.h"
#include "data/sources/names.h"
#include "data/sources/split_dataset.h"
#include "data/sources/splits.h"

namespace mlrun::data {
namespace {

namespace fs = std::filesystem;

/// A folder of class folders with its images.
struct ImageTree : ClassTree {
  std::shared_ptr<ImageFiles> images;
};

/// UserError unless each of the tree's folders is one of the classes, which are sorted.
void check_classes(const ClassTree& tree, const fs::path& root, const std::vector<std::string>& classes) {
  for (const auto& name : tree.folders) {
    if (std::binary_search(classes.begin(), classes.end(), name)) continue;
    throw file_error((root / (tree.prefix + name)).string(),
                     "train has no class '" + shown_text(name) + "'" + look_alike(name, classes),
                     "the splits must hold the same classes");
  }
}

[[noreturn]] void refuse_empty_class(const fs::path& root, const std::string& folder) {
  LeftOut others;
  list_images(root, folder, /*dangling=*/true, {}, &others);
  throw file_error((root / folder).string(),
                   "the class folder holds no images" + (others.empty() ? "" : ", but " + others.list()),
                   std::string(kImageEndings) + "; remove the folder or fill it");
}

/// Lists all trees at once, so that one listing is kept for the root.
void list_trees(std::vector<ImageTree>& trees, const OpenRequest& request, const std::vector<std::string>& classes) {
  std::vector<std::string> folders;
  LeftOut left_out;
  for (const auto& tree : trees) {
    check_classes(tree, request.root, classes);
    for (const auto& name : tree.folders) folders.push_back(tree.prefix + name);
  }
  auto listed = list_image_folders(request.root, folders, &left_out);
  auto next = listed.begin();
  tell_left_out(left_out, request.root.string());
  const auto cache = std::make_shared<FileCache>(request.cache);
  for (auto& tree : trees) {
    tree.images = std::make_shared<ImageFiles>();
    tree.images->root = request.root;
    tree.images->apply_exif = request.apply_exif;
    tree.images->cache = cache;
    for (const auto& name : tree.folders) {
      auto& files = *next++;
      if (files.empty()) refuse_empty_class(request.root, tree.prefix + name);
      check_file_names(files, request.root.string());
      const auto label = std::lower_bound(classes.begin(), classes.end(), name) - classes.begin();
      tree.images->labels.insert(tree.images->labels.end(), files.size(), label);
      std::move(files.begin(), files.end(), std::back_inserter(tree.images->files));
    }
  }
}

/// Finds the groups of a tree's images.
void group_images(ImageTree& tree, const std::string& pattern) {
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

/// Tells of the images that lie beside folders of classes or splits.
void warn_of_loose(const fs::path& folder) {
  const LeftOut loose = loose_images(folder);
  if (loose.empty()) return;
  const std::int64_t count = loose.count();
  log::warning(folder.string() + ": " + std::to_string(count) + (count == 1 ? " image lies" : " images lie") +
               " in no class's folder and " + (count == 1 ? "is" : "are") + " left out" +
               (count == 1 ? ": '" : ", as '") + shown_text(loose.example) + "'");
}

std::vector<ImageTree> open_trees(const ImageFolderOptions& options, const OpenRequest& request, DataInfo& info) {
  std::vector<ImageTree> trees;
  for (auto& tree : find_class_trees(request.root, options.folders == "classes")) {
    trees.push_back({std::move(tree), nullptr});
  }
  const auto own = [&](Split split) {
    return std::any_of(trees.begin(), trees.end(), [&](const ImageTree& tree) { return tree.split == split; });
  };
  check_shares(request.split, own(Split::Val), own(Split::Test));
  info.name = data_name(request.root);
  info.classes = trees.front().folders;
  check_class_names(info.classes, request.root.string());
  warn_of_one_class(request.root, info.classes);
  list_trees(trees, request, info.classes);
  if (!trees.front().prefix.empty()) warn_of_loose(request.root);
  for (const auto& tree : trees) warn_of_loose(request.root / tree.prefix);
  return trees;
}

}  // namespace

void ImageFolderOptions::declare(config::Declare<ImageFolderOptions>& d) {
  d("folders", &ImageFolderOptions::folders,
    "auto: folders named train, val, test and the like are splits; classes: every folder of the root is a class")
      .choices({"auto", "classes"});
}

std::shared_ptr<const Dataset> open_image_folder(const ImageFolderOptions& options, const OpenRequest& request) {
  check_root(request.root);
  DataInfo info;
  auto trees = open_trees(options, request, info);
  ImageTree& pool = trees.front();
  if (request.split.group) group_images(pool, *request.split.group);

  std::vector<ListedFile> all;
  for (const auto& tree : trees) all.insert(all.end(), tree.images->files.begin(), tree.images->files.end());
  info.fingerprint = fingerprint(std::move(all));
  Division division = divide_pool(info, pool.images->labels, pool.images->groups, request.split);
  SplitDataset::Splits splits;
  for (std::size_t i = 0; i < splits.size(); ++i) {
    if (!division.parts[i].empty()) splits[i] = make_image_source(pool.images, std::move(division.parts[i]));
  }
  for (auto tree = trees.begin() + 1; tree != trees.end(); ++tree) {
    splits[static_cast<std::size_t>(tree->split)] = make_image_source(tree->images);
  }
  return std::make_shared<SplitDataset>(std::move(info), std::move(splits));
}

}  // namespace mlrun::data
