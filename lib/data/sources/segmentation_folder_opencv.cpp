#include "data/sources/segmentation_folder.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "data/shown_text.h"
#include "data/sources/listing.h"
#include "data/sources/masked_images.h"
#include "data/sources/names.h"
#include "data/sources/own_division.h"

namespace mlrun::data {
namespace {

namespace fs = std::filesystem;

/// The masks by the names of their images.
std::map<fs::path, fs::path> find_masks(const SegmentationFolderOptions& options, const fs::path& root) {
  std::map<fs::path, fs::path> masks;
  const std::string& suffix = options.mask_suffix;
  for (const auto& file : list_images(root, options.masks)) {
    std::string name = without_ending(fs::path(file.path).lexically_relative(options.masks)).string();
    if (name.size() < suffix.size() || name.compare(name.size() - suffix.size(), suffix.size(), suffix) != 0) continue;
    name.erase(name.size() - suffix.size());
    masks.emplace(name, root / file.path);
  }
  return masks;
}

/// UserError that names the images without masks.
MaskFiles find_pairs(const SegmentationFolderOptions& options, const OpenRequest& request) {
  MaskFiles pairs;
  pairs.images = image_files_of(request);
  LeftOut left_out;
  pairs.images->files = list_images(request.root, options.images, false, {}, &left_out);
  tell_left_out(left_out, (request.root / options.images).string());
  const auto masks = find_masks(options, request.root);
  FileProblems problems;
  for (const auto& file : pairs.images->files) {
    const fs::path name = without_ending(fs::path(file.path).lexically_relative(options.images));
    const auto mask = masks.find(name);
    if (mask == masks.end()) {
      const std::string wanted = (fs::path(options.masks) / name).string() + options.mask_suffix + ".png";
      problems.add(request.root / file.path, "has no mask '" + shown_text(wanted) + "'",
                   "masks have their images' names; data.masks names their folder, data.mask_suffix what their names "
                   "have more");
      continue;
    }
    pairs.masks.push_back(mask->second);
  }
  problems.check();
  if (pairs.images->files.empty()) {
    throw file_error((request.root / options.images).string(), "holds no images",
                     "data.images and data.masks name the two folders");
  }
  pairs.images->labels.assign(pairs.images->files.size(), 0);
  return pairs;
}

ClassTable classes_of(const SegmentationFolderOptions& options, const MaskFiles& pairs) {
  if (options.class_table) return read_class_table(read_file(*options.class_table), options.class_table->string());
  if (options.classes.empty()) {
    ClassTable two = two_classes(pairs.masks);
    two.colours = named_colours(options.palette, two.names.size(), "data.palette");
    return two;
  }
  check_class_names(options.classes, "data.classes");
  return {
      options.classes, options.values, named_colours(options.palette, options.classes.size(), "data.palette"), {}, {}};
}

}  // namespace

void SegmentationFolderOptions::declare(config::Declare<SegmentationFolderOptions>& d) {
  using O = SegmentationFolderOptions;
  d("images", &O::images, "folder of the images, in the root");
  d("masks", &O::masks, "folder of their masks, PNG by palette, grey or in colour, with the names of the images");
  d("mask_suffix", &O::mask_suffix, "what the names of masks have more than their images', as _mask or _L");
  d("classes", &O::classes,
    "names of the classes; empty: background and foreground, of masks with 0 and 1, or 0 and 255, alone");
  d("values", &O::values, "value of each class in masks; empty: 0, 1, 2, ...").min(0).max(65535);
  d("palette", &O::palette,
    "colour of each class, as \"#804080\" or 128 64 128, in masks in colour and in those that are written; or voc, or "
    "cityscapes");
  d("class_table", &O::class_table,
    "instead of the three: CSV with the columns name and value, or r, g, b (CamVid's class_dict.csv), or all; a row "
    "without a name counts for nothing");
  d("ignore_index", &O::ignore_index, "value of pixels that count for nothing, where it is no class").min(0).max(65535);
  d("reduce_zero_label", &O::reduce_zero_label, "0 counts for nothing, and classes begin at 1, as in ADE20K");
  d.rule("values", [](const O& o) {
    if (std::set<std::int64_t>(o.values.begin(), o.values.end()).size() < o.values.size()) return "names a value twice";
    return o.values.empty() || o.values.size() == o.classes.size() ? "" : "wants one value for each class";
  });
  d.rule("classes",
         [](const O& o) { return o.classes.size() > kMostMaskClasses ? "names more than 255 classes" : ""; });
  d.rule("class_table", [](const O& o) {
    const bool alone = o.classes.empty() && o.values.empty() && o.palette.empty();
    return o.class_table && !alone ? "stands for classes, values and palette: remove these" : "";
  });
}

std::shared_ptr<const Dataset> open_segmentation_folder(const SegmentationFolderOptions& options,
                                                        const OpenRequest& request) {
  check_root(request.root);
  MaskFiles pairs = find_pairs(options, request);
  MaskValues values(classes_of(options, pairs), options.ignore_index, options.reduce_zero_label);
  std::vector<fs::path> inside;
  for (const auto& file : pairs.images->files) inside.push_back(fs::path(file.path).lexically_relative(options.images));
  const auto own = own_division(request.root, inside);
  return open_mask_files(request, std::move(pairs), std::move(values), own);
}

}  // namespace mlrun::data
