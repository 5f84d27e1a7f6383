#include "data/sources/coco_panoptic.h"

#include <algorithm>
#include <filesystem>
#include <unordered_map>
#include <utility>
#include <vector>

#include <torch/types.h>
#include <torch/utils.h>

#include "base/error.h"
#include "base/files.h"
#include "data/shown_text.h"
#include "data/sources/listing.h"
#include "data/sources/masked_images.h"
#include "data/sources/panoptic_annotations.h"

namespace mlrun::data {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kLargestPanoptic = std::uint64_t{1} << 33U;

using SegmentClasses = std::unordered_map<std::int32_t, std::uint8_t>;

/// The class of each pixel of a mask of segments.
torch::Tensor classes_in(const fs::path& file, const SegmentClasses& segments) {
  const RawMask mask = decode_mask(read_file(file), file.string());
  if (!mask.coloured)
    throw file_error(file.string(), "is not in colour, as masks of segments are", "is it a panoptic mask?");
  const torch::Tensor labels = torch::empty(mask.values.sizes(), torch::kByte);
  const auto* in = mask.values.data_ptr<std::int32_t>();
  auto* out = labels.data_ptr<std::uint8_t>();
  std::int32_t last = -1;
  std::uint8_t label = kIgnored;
  for (std::int64_t i = 0; i < labels.numel(); ++i) {
    if (in[i] != last) {
      last = in[i];
      const std::int32_t id = (last >> 16 & 0xFF) | (last & 0xFF00) | (last & 0xFF) << 16;  // the other way round
      const auto found = segments.find(id);
      label = found == segments.end() ? kIgnored : found->second;
      if (found == segments.end() && id != 0) {
        throw file_error(file.string(),
                         "has the segment " + std::to_string(id) + ", which its annotation does not have",
                         "masks and annotations belong together");
      }
    }
    out[i] = label;
  }
  return labels;
}

class PanopticOpening {
 public:
  PanopticOpening(const CocoPanopticOptions& options, const OpenRequest& request)
      : options_(options), request_(request) {
    files_.images = image_files_of(request);
  }

  std::shared_ptr<const Dataset> open() {
    if (options_.train_annotations) {
      add(Split::Train, *options_.train_annotations, options_.train_images, options_.train_masks);
    }
    if (options_.val_annotations) add(Split::Val, *options_.val_annotations, options_.val_images, options_.val_masks);
    if (files_.masks.empty()) {
      throw UserError("no annotations are named", "data.train_annotations names a file in data.root");
    }
    DataInfo info;
    info.name = data_name(request_.root);
    info.classes = names_;
    if (colours_.size() != names_.size()) {
      colours_ = voc_colours(names_.size() + 1);
      colours_.erase(colours_.begin());  // black would hide the first class
    }
    set_class_colours(info, colours_);
    const Division division = divide_masked(division_, files_.masks.size(), request_.split);
    auto others = files_.masks;
    others.insert(others.end(), others_.begin(), others_.end());
    auto pairs = std::make_shared<MaskedImages>();
    pairs->images = files_.images;
    pairs->mask = [masks = std::move(files_.masks), segments = std::move(segments_)](std::size_t position) {
      return classes_in(masks[position], segments[position]);
    };
    return masked_dataset(std::move(info), std::move(pairs), division, others);
  }

 private:
  void add(Split split, const std::string& annotations, const std::string& images, const std::string& masks) {
    const fs::path file = request_.root / annotations;
    if (!fs::is_regular_file(file)) {
      throw file_error(
          file.string(), "is not there",
          std::string("data.") + split_name(split) + "_annotations names it in data.root; null: there are none");
    }
    const PanopticAnnotations found = read_panoptic(read_file(file, kLargestPanoptic), file.string());
    others_.push_back(file);
    if (names_.empty()) choose_classes(found, file.string());
    std::unordered_map<std::int64_t, std::uint8_t> labels;
    for (const auto& category : found.categories) {
      const auto label = of_name_.find(category.name);
      labels[category.id] = label == of_name_.end() ? kIgnored : label->second;
    }
    for (const auto& image : found.images) {
      division_.of(split).push_back(static_cast<std::int64_t>(files_.masks.size()));
      files_.add((fs::path(images) / image.file).string(), request_.root / masks / image.mask);
      SegmentClasses& segments = segments_.emplace_back();
      for (const auto& [id, category] : image.segments) segments.emplace(id, labels.at(category));
    }
  }

  void choose_classes(const PanopticAnnotations& found, const std::string& file) {
    config::StringPairs map = options_.category_map;
    if (map.empty()) {
      for (const auto& category : found.categories) map.emplace_back(category.name, category.name);
    }
    for (const auto& [category, name] : map) {
      const auto known = std::find_if(found.categories.begin(), found.categories.end(),
                                      [&name = category](const auto& one) { return one.name == name; });
      if (known == found.categories.end()) {
        throw UserError(Problem{"", 0, 0, "data.category_map",
                                "there is no category '" + shown_text(category) + "' in " + file, ""});
      }
      auto place = std::find(names_.begin(), names_.end(), name);
      if (place == names_.end()) {
        place = names_.insert(names_.end(), name);
        if (known->colour) colours_.push_back(*known->colour);
      }
      of_name_[category] = static_cast<std::uint8_t>(place - names_.begin());
    }
    if (names_.size() > kMostMaskClasses)
      throw file_error(file, "makes more than 255 classes", "set data.category_map");
  }

  const CocoPanopticOptions& options_;
  const OpenRequest& request_;
  MaskFiles files_;
  Division division_;
  std::vector<SegmentClasses> segments_;  // of each image
  std::vector<std::string> names_;
  std::vector<Colour> colours_;
  std::unordered_map<std::string, std::uint8_t> of_name_;
  std::vector<fs::path> others_;
};

}  // namespace

void CocoPanopticOptions::declare(config::Declare<CocoPanopticOptions>& d) {
  using O = CocoPanopticOptions;
  d("train_images", &O::train_images, "folder of the training images, in the root");
  d("train_annotations", &O::train_annotations, "JSON of their segments, in the root; null: there are none");
  d("train_masks", &O::train_masks, "folder of their masks, PNG whose colours are ids of segments");
  d("val_images", &O::val_images, "folder of the validation images");
  d("val_annotations", &O::val_annotations, "JSON of their segments; null: there is no such split");
  d("val_masks", &O::val_masks, "folder of their masks");
  d("category_map", &O::category_map,
    "the class of each category that has one, by name, in the order of the classes; others are ignored; empty: each is "
    "one");
}

std::shared_ptr<const Dataset> open_coco_panoptic(const CocoPanopticOptions& options, const OpenRequest& request) {
  check_root(request.root);
  return PanopticOpening(options, request).open();
}

}  // namespace mlrun::data
