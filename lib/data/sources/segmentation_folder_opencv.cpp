#include "data/sources/segmentation_folder.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <sstream>
#include <utility>

#include <torch/types.h>

#include "base/error.h"
#include "base/files.h"
#include "base/input_file.h"
#include "data/image/head.h"
#include "data/image/mask.h"
#include "data/shown_text.h"
#include "data/sources/image_files.h"
#include "data/sources/listing.h"
#include "data/sources/mask_values.h"
#include "data/sources/names.h"
#include "data/sources/split_dataset.h"
#include "data/sources/splits.h"

namespace mlrun::data {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kMostClasses = 255;

/// Images and where their masks lie.
struct Pairs {
  std::shared_ptr<ImageFiles> images = std::make_shared<ImageFiles>();
  std::vector<fs::path> masks;
};

class MaskedImages : public Source {
 public:
  MaskedImages(std::shared_ptr<const Pairs> pairs, std::shared_ptr<const MaskValues> labels,
               std::vector<std::int64_t> positions)
      : pairs_(std::move(pairs)),
        labels_(std::move(labels)),
        positions_(positions),
        images_(make_image_source(pairs_->images, std::move(positions))) {}

  std::int64_t size() const override { return images_->size(); }
  SampleFacts facts(std::int64_t index) const override {
    SampleFacts facts = images_->facts(index);
    facts.labels.clear();
    return facts;
  }
  Sample get(const SampleKey& key) const override {
    Sample sample = images_->get(key);
    add_mask(sample, key.index);
    return sample;
  }
  EncodedSample encoded(const SampleKey& key) const override {
    EncodedSample encoded = images_->encoded(key);
    add_mask(encoded.sample, key.index);
    return encoded;
  }

 private:
  void add_mask(Sample& sample, std::int64_t index) const {
    const auto at = static_cast<std::size_t>(positions_[static_cast<std::size_t>(index)]);
    const std::string file = pairs_->masks[at].string();
    sample.targets = {};
    sample.targets.set("mask", (*labels_)(decode_mask(read_file(file), file), file));
  }

  std::shared_ptr<const Pairs> pairs_;
  std::shared_ptr<const MaskValues> labels_;
  std::vector<std::int64_t> positions_;
  std::shared_ptr<const Source> images_;
};

fs::path without_ending(const fs::path& path) { return path.parent_path() / path.stem(); }

/// Finds the masks; UserError that names the first image without one.
Pairs find_pairs(const SegmentationFolderOptions& options, const OpenRequest& request) {
  Pairs pairs;
  pairs.images->root = request.root;
  pairs.images->apply_exif = request.apply_exif;
  pairs.images->cache = std::make_shared<FileCache>(request.cache);
  LeftOut left_out;
  pairs.images->files = list_images(request.root, options.images, false, {}, &left_out);
  tell_left_out(left_out, (request.root / options.images).string());
  check_file_names(pairs.images->files, request.root.string());
  std::map<fs::path, fs::path> masks;
  for (const auto& file : list_images(request.root, options.masks)) {
    masks.emplace(without_ending(fs::path(file.path).lexically_relative(options.masks)), request.root / file.path);
  }
  for (const auto& file : pairs.images->files) {
    const fs::path name = without_ending(fs::path(file.path).lexically_relative(options.images));
    const auto mask = masks.find(name);
    if (mask == masks.end()) {
      throw file_error((request.root / file.path).string(),
                       "has no mask '" + shown_text((fs::path(options.masks) / name).string()) + ".png'",
                       "masks have their images' names; data.masks names their folder");
    }
    pairs.masks.push_back(mask->second);
  }
  if (pairs.images->files.empty()) {
    throw file_error((request.root / options.images).string(), "holds no images",
                     "data.images and data.masks name the two folders");
  }
  pairs.images->labels.assign(pairs.images->files.size(), 0);
  return pairs;
}

/// The positions that a list names; nothing where there is no such list.
std::optional<std::vector<std::int64_t>> listed(const fs::path& list,
                                                const std::map<std::string, std::int64_t>& names) {
  if (!fs::is_regular_file(list)) return std::nullopt;
  std::istringstream lines(read_file(list));
  std::vector<std::int64_t> positions;
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    while (!line.empty() && std::isspace(static_cast<unsigned char>(line.back()))) line.pop_back();
    if (line.empty()) continue;
    const auto found = names.find(without_ending(line).string());
    if (found == names.end()) {
      throw UserError(Problem{list.string(), number, 0, "", "there is no image '" + shown_text(line) + "'",
                              "lists name images, with or without their endings"});
    }
    positions.push_back(found->second);
  }
  return positions;
}

constexpr Split kSplits[] = {Split::Train, Split::Val, Split::Test};

/// Positions by folders that are named as splits, or by lists; nothing where there are neither.
std::optional<Division> own_division(const SegmentationFolderOptions& options, const OpenRequest& request,
                                     const Pairs& pairs) {
  Division division;
  std::map<std::string, std::int64_t> names;
  bool folders = true;
  for (std::size_t i = 0; i < pairs.images->files.size(); ++i) {
    const fs::path inside = fs::path(pairs.images->files[i].path).lexically_relative(options.images);
    const auto position = static_cast<std::int64_t>(i);
    names.emplace(without_ending(inside).string(), position);
    const auto split = std::find_if(std::begin(kSplits), std::end(kSplits), [&](Split one) {
      return inside.has_parent_path() && inside.begin()->string() == split_name(one);
    });
    folders = folders && split != std::end(kSplits);
    if (folders) division.of(*split).push_back(position);
  }
  if (folders) return division;
  bool any = false;
  for (const Split split : kSplits) {
    const auto positions = listed(request.root / (std::string(split_name(split)) + ".txt"), names);
    any = any || positions;
    division.of(split) = positions.value_or(std::vector<std::int64_t>());
  }
  return any ? std::optional(division) : std::nullopt;
}

/// The head of a file's first bytes, and of the whole where those do not tell.
ImageHead head_of(const std::string& file) {
  constexpr std::size_t kFirst = 4096;
  const ImageHead head = read_image_head(read_head(file, kFirst));
  return head.width > 0 ? head : read_image_head(read_file(file));
}

/// UserError that names the first mask that has not its image's size.
void check_sizes(const Pairs& pairs) {
  for (std::size_t i = 0; i < pairs.masks.size(); ++i) {
    const ImageHead image = head_of((pairs.images->root / pairs.images->files[i].path).string());
    const ImageHead mask = head_of(pairs.masks[i].string());
    const bool known = image.width > 0 && mask.width > 0;
    if (!known || (image.height == mask.height && image.width == mask.width)) continue;
    const auto text = [](const ImageHead& of) { return std::to_string(of.width) + "x" + std::to_string(of.height); };
    throw file_error(pairs.masks[i].string(), "is of " + text(mask) + " pixels, and its image of " + text(image),
                     "masks have the sizes of their images");
  }
}

}  // namespace

void SegmentationFolderOptions::declare(config::Declare<SegmentationFolderOptions>& d) {
  using O = SegmentationFolderOptions;
  d("images", &O::images, "folder of the images, in the root");
  d("masks", &O::masks, "folder of their masks, PNG by palette or grey, with the names of the images");
  d("classes", &O::classes,
    "names of the classes; empty: background and foreground, of masks with 0 and 1, or 0 and 255, alone");
  d("values", &O::values, "value of each class in masks; empty: 0, 1, 2, ...").min(0).max(65535);
  d("ignore_index", &O::ignore_index, "value of pixels that count for nothing, where it is no class").min(0).max(65535);
  d("reduce_zero_label", &O::reduce_zero_label, "0 counts for nothing, and classes begin at 1, as in ADE20K");
  d.rule("values", [](const O& o) {
    return o.values.empty() || o.values.size() == o.classes.size() ? "" : std::string("wants one value for each class");
  });
  d.rule("classes", [](const O& o) {
    const auto count = static_cast<std::int64_t>(o.classes.size());
    return count > kMostClasses ? "names more than 255 classes" : "";
  });
}

std::shared_ptr<const Dataset> open_segmentation_folder(const SegmentationFolderOptions& options,
                                                        const OpenRequest& request) {
  check_root(request.root);
  const auto pairs = std::make_shared<const Pairs>(find_pairs(options, request));
  check_sizes(*pairs);
  const auto labels = std::make_shared<const MaskValues>(options, pairs->masks);
  DataInfo info;
  info.name = data_name(request.root);
  info.classes = labels->classes();
  auto files = pairs->images->files;
  for (const auto& mask : pairs->masks)
    files.push_back({mask.lexically_relative(request.root).string(), fs::file_size(mask)});
  info.fingerprint = fingerprint(std::move(files));
  const auto own = own_division(options, request, *pairs);
  if (own) check_shares(request.split, !own->of(Split::Val).empty(), !own->of(Split::Test).empty());
  const Division division = own ? *own : divide(pairs->images->labels, request.split);
  SplitDataset::Splits splits;
  for (const Split split : kSplits) {
    if (division.of(split).empty()) continue;
    splits[static_cast<std::size_t>(split)] = std::make_shared<MaskedImages>(pairs, labels, division.of(split));
  }
  return std::make_shared<SplitDataset>(info, splits);
}

}  // namespace mlrun::data
