#include "data/sources/cityscapes.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "data/sources/listing.h"
#include "data/sources/masked_images.h"

namespace mlrun::data {
namespace {

namespace fs = std::filesystem;

constexpr const char* kStreetImages = "leftImg8bit";
constexpr std::int64_t kMostIds = 34;

/// The classes in the order of their trainIds, with their labelIds.
ClassTable classes_of(bool train_ids) {
  ClassTable table;
  table.names = {"road",         "sidewalk",   "building", "wall",       "fence",  "pole",  "traffic light",
                 "traffic sign", "vegetation", "terrain",  "sky",        "person", "rider", "car",
                 "truck",        "bus",        "train",    "motorcycle", "bicycle"};
  table.colours = cityscapes_colours();
  if (train_ids) return table;
  table.values = {7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33};
  std::size_t next = 0;
  for (std::int64_t id = 0; id < kMostIds; ++id) {
    if (next < table.values.size() && table.values[next] == id) ++next;
    else table.ignored_values.push_back(id);
  }
  return table;
}

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

/// Adds the images of one of its folders; nothing where there is none.
void add_images(const CityscapesOptions& options, const OpenRequest& request, const std::string& folder, Split split,
                MaskFiles& pairs, Division& division) {
  const fs::path images = fs::path(kStreetImages) / folder;
  std::error_code ignored;
  if (!fs::is_directory(request.root / images, ignored)) return;
  const std::string kind = options.mode == "fine" ? "gtFine" : "gtCoarse";
  const std::string ending = std::string("_") + kStreetImages + ".png";
  for (const auto& file : list_images(request.root, images.string())) {
    if (!ends_with(file.path, ending)) continue;
    const std::string inside = fs::path(file.path).lexically_relative(kStreetImages).string();
    const std::string mask =
        inside.substr(0, inside.size() - ending.size()) + "_" + kind + "_" + options.labels + ".png";
    division.of(split).push_back(static_cast<std::int64_t>(pairs.masks.size()));
    pairs.add(file.path, request.root / kind / mask);
  }
}

}  // namespace

void CityscapesOptions::declare(config::Declare<CityscapesOptions>& d) {
  d("mode", &CityscapesOptions::mode, "fine: gtFine; coarse: gtCoarse, train_extra among it")
      .choices({"fine", "coarse"});
  d("labels", &CityscapesOptions::labels,
    "which masks are read: labelIds, as they are published, or labelTrainIds, as its scripts make them")
      .choices({"labelIds", "labelTrainIds"});
}

std::shared_ptr<const Dataset> open_cityscapes(const CityscapesOptions& options, const OpenRequest& request) {
  check_root(request.root);
  MaskFiles pairs;
  pairs.images = image_files_of(request);
  Division division;
  add_images(options, request, "train", Split::Train, pairs, division);
  if (options.mode == "coarse") add_images(options, request, "train_extra", Split::Train, pairs, division);
  add_images(options, request, "val", Split::Val, pairs, division);
  if (pairs.masks.empty()) {
    throw file_error(request.root.string(), "holds no images of Cityscapes",
                     "they lie in leftImg8bit/train/CITY/..._leftImg8bit.png, their masks in gtFine/train/CITY");
  }
  MaskValues values(classes_of(options.labels == "labelTrainIds"), kIgnored);
  return open_mask_files(request, std::move(pairs), std::move(values), division);
}

}  // namespace mlrun::data
