#include "data/sources/voc_segmentation.h"

#include <filesystem>
#include <map>
#include <set>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/paths.h"
#include "data/shown_text.h"
#include "data/sources/listing.h"
#include "data/sources/masked_images.h"

namespace mlrun::data {
namespace {

namespace fs = std::filesystem;

constexpr const char* kVocImages = "JPEGImages";

/// The folder that holds JPEGImages; UserError where there is none.
fs::path find_folder(const fs::path& root, std::int64_t year) {
  const std::string name = "VOC" + std::to_string(year);
  for (const fs::path& folder : {root / "VOCdevkit" / name, root / name, root}) {
    std::error_code ignored;
    if (fs::is_directory(folder / kVocImages, ignored)) return folder;
  }
  throw file_error(root.string(), "holds no JPEGImages, neither itself nor in " + name + " or VOCdevkit/" + name,
                   "data.root names the folder of PASCAL VOC, data.year one of its years");
}

class VocOpening {
 public:
  VocOpening(const VocSegmentationOptions& options, const OpenRequest& request) : options_(options), request_(request) {
    request_.root = find_folder(request.root, options.year);
    pairs_.images = image_files_of(request_);
  }

  std::shared_ptr<const Dataset> open() {
    add(Split::Train, options_.image_set);
    if (options_.val_set) add(Split::Val, *options_.val_set);
    if (options_.test_set) add(Split::Test, *options_.test_set);
    ClassTable classes{voc_classes(), {}, voc_colours(voc_classes().size()), {}, {}};
    constexpr Colour kBorder = {224, 224, 192};
    classes.ignored_colours = {kBorder};
    return open_mask_files(request_, std::move(pairs_), MaskValues(std::move(classes), kIgnored), division_);
  }

 private:
  void add(Split split, const std::string& set) {
    const fs::path list = request_.root / "ImageSets" / "Segmentation" / (set + ".txt");
    if (!is_file_name(set) || !fs::is_regular_file(list)) {
      throw file_error(list.string(), "is not there",
                       "data.image_set, data.val_set and data.test_set name lists there; null: there is no such split");
    }
    for (const auto& [name, line] : read_name_list(list)) {
      if (!is_file_name(name)) {
        throw UserError(Problem{list.string(), line, 0, "", "'" + shown_text(name) + "' is no name of an image", ""});
      }
      const auto first = lists_.emplace(name, set).first->second;
      if (first != set) {
        throw UserError(
            Problem{list.string(), line, 0, "", "'" + name + "' is in " + first + ".txt, too",
                    "what is learnt from must not be evaluated on: set data.val_set: null, or other lists"});
      }
      division_.of(split).push_back(static_cast<std::int64_t>(pairs_.masks.size()));
      pairs_.add(std::string(kVocImages) + "/" + name + ".jpg", request_.root / options_.masks / (name + ".png"));
    }
  }

  const VocSegmentationOptions& options_;
  OpenRequest request_;
  MaskFiles pairs_;
  Division division_;
  std::map<std::string, std::string> lists_;  // of each image the list where it is
};

}  // namespace

const std::vector<std::string>& voc_classes() {
  static const std::vector<std::string> names = {
      "background", "aeroplane", "bicycle",     "bird",  "boat",        "bottle", "bus",
      "car",        "cat",       "chair",       "cow",   "diningtable", "dog",    "horse",
      "motorbike",  "person",    "pottedplant", "sheep", "sofa",        "train",  "tvmonitor"};
  return names;
}

void VocSegmentationOptions::declare(config::Declare<VocSegmentationOptions>& d) {
  using O = VocSegmentationOptions;
  d("year", &O::year, "of the folder VOC2012 where the root holds several").min(2007).max(2012);
  d("image_set", &O::image_set,
    "list of the training images in ImageSets/Segmentation: train, trainval or one of yours");
  d("val_set", &O::val_set, "list of the validation images; null: there is no such split");
  d("test_set", &O::test_set, "list of the test images; null: there is no such split");
  d("masks", &O::masks, "folder of the masks, as SegmentationClassAug");
}

std::shared_ptr<const Dataset> open_voc_segmentation(const VocSegmentationOptions& options,
                                                     const OpenRequest& request) {
  check_root(request.root);
  return VocOpening(options, request).open();
}

}  // namespace mlrun::data
