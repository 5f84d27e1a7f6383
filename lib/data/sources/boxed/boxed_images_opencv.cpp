#include "data/sources/boxed/boxed_images.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include <torch/types.h>
#include <torch/utils.h>

#include "base/error.h"
#include "base/log.h"
#include "data/shown_text.h"
#include "data/sources/boxed/box_targets.h"
#include "data/sources/boxed/image_heads.h"
#include "data/sources/boxed/target_source.h"
#include "data/sources/image_files.h"
#include "data/sources/listing.h"
#include "data/sources/masked_images.h"
#include "data/sources/names.h"
#include "data/sources/split_dataset.h"

namespace mlrun::data {
namespace {

namespace fs = std::filesystem;

/// Image files, and what is in them.
struct BoxedImages {
  std::shared_ptr<ImageFiles> files;
  std::vector<BoxedImage> images;
  BoxTargets targets;
};

class BoxedSource : public TargetSource {
 public:
  BoxedSource(std::shared_ptr<const BoxedImages> all, std::vector<std::int64_t> positions)
      : all_(std::move(all)), positions_(positions), files_(make_image_source(all_->files, std::move(positions))) {}

  std::int64_t size() const override { return files_->size(); }
  SampleFacts facts(std::int64_t index) const override {
    SampleFacts facts = files_->facts(index);
    const BoxedImage& image = at(index);
    facts.labels.clear();
    for (const auto& object : image.objects) facts.labels.push_back(object.label);
    facts.height = image.height;
    facts.width = image.width;
    return facts;
  }
  Sample get(const SampleKey& key) const override {
    Sample sample = files_->get(key);
    sample.targets = targets(key.index);
    return sample;
  }
  EncodedSample encoded(const SampleKey& key) const override {
    EncodedSample encoded = files_->encoded(key);
    encoded.sample.targets = targets(key.index);
    return encoded;
  }
  Fields targets(std::int64_t index) const override { return all_->targets.of(at(index)); }

 private:
  const BoxedImage& at(std::int64_t index) const {
    return all_->images[static_cast<std::size_t>(positions_[static_cast<std::size_t>(index)])];
  }

  std::shared_ptr<const BoxedImages> all_;
  std::vector<std::int64_t> positions_;
  std::shared_ptr<const Source> files_;
};

class Opening {
 public:
  Opening(BoxedSet set, const OpenRequest& request, const BoxRules& rules)
      : set_(std::move(set)), request_(request), rules_(rules) {}

  std::shared_ptr<const Dataset> open() {
    const std::vector<FileHead> heads = read_heads(request_.root, set_.images);
    number();
    BoxCheck check(set_.info.classes, rules_, set_.problems);
    for (std::size_t i = 0; i < heads.size(); ++i) {
      if (!settle(set_.images[i], heads[i])) continue;
      if (set_.images[i].in_shares) to_pixels(set_.images[i]);
      check.check(set_.images[i]);
    }
    set_.problems.check();
    check.tell();
    tell_turned();
    check_class_names(set_.info.classes, request_.root.string());
    return dataset(heads);
  }

 private:
  /// Ids for images and things that have none, and problems of those that stand there twice.
  void number() {
    std::int64_t last_image = 0, last_object = 0;
    for (const auto& image : set_.images) {
      last_image = std::max(last_image, image.id);
      for (const auto& object : image.objects) last_object = std::max(last_object, object.id);
    }
    std::unordered_map<std::string, std::string> files;
    for (auto& image : set_.images) {
      if (image.id == 0) image.id = ++last_image;
      for (auto& object : image.objects) object.id = object.id == 0 ? ++last_object : object.id;
      const auto first = files.emplace(image.path, image.annotations).first;
      if (!seen_.insert(image.path).second) {
        set_.problems.add(image.annotations, 0,
                          "the image '" + shown_text(image.path) + "' stands there twice" +
                              (first->second == image.annotations ? "" : ", once in " + first->second),
                          "put all of its things into one entry; what is learnt from must not be evaluated on");
      }
    }
  }

  /// The size that the image has once it is decoded; false where it has none that its things can lie in.
  bool settle(BoxedImage& image, const FileHead& head) {
    const std::string file = (request_.root / image.path).string();
    if (head.absent) {
      set_.problems.add(file, 0, "is not there, and " + image.annotations + " names it", set_.images_hint);
      return false;
    }
    if (head.width == 0) {
      if (image.width > 0) return true;
      set_.problems.add(file, 0, "is no image whose size can be read",
                        "replace it, or give its size in " + image.annotations);
      return false;
    }
    const bool swapped = request_.apply_exif && head.turns_sides();
    const std::int64_t height = swapped ? head.width : head.height, width = swapped ? head.height : head.width;
    const bool known = image.width > 0;
    if (known && (image.height != height || image.width != width)) {
      refuse_size(image, head, height, width);
      return false;
    }
    const bool told = known && head.turns_sides() && height != width;
    if (head.orientation != 1 && !told && !image.objects.empty()) turned_.push_back(image.path);
    image.height = height;
    image.width = width;
    return true;
  }

  void refuse_size(const BoxedImage& image, const FileHead& head, std::int64_t height, std::int64_t width) {
    const auto text = [](std::int64_t h, std::int64_t w) { return std::to_string(w) + "x" + std::to_string(h); };
    const bool turned = head.turns_sides() && image.height == width && image.width == height;
    std::string hint =
        "annotations are of images of one size: mend the size there, or take the image they were made of";
    if (turned && request_.apply_exif) hint = "its boxes are of the image as it is stored: set data.exif: ignore";
    else if (turned) hint = "its boxes are of the image as EXIF turns it: set data.exif: apply";
    set_.problems.add(image.annotations, 0,
                      "'" + shown_text(image.path) + "' is of " + text(image.height, image.width) +
                          " pixels there, and the file of " + text(height, width),
                      hint);
  }

  void tell_turned() const {
    if (turned_.empty()) return;
    const bool one = turned_.size() == 1;
    log::warning(std::to_string(turned_.size()) + (one ? " image with boxes carries" : " images with boxes carry") +
                 " an EXIF orientation, which is " + (request_.apply_exif ? "applied" : "ignored") +
                 (one ? ": " : ", as ") + shown_text(turned_.front()) + "; where boxes were drawn on images " +
                 (request_.apply_exif ? "as they are stored, set data.exif: ignore"
                                      : "as EXIF turns them, set data.exif: apply"));
  }

  std::shared_ptr<const Dataset> dataset(const std::vector<FileHead>& heads) {
    auto all = std::make_shared<BoxedImages>();
    all->files = image_files_of(request_);
    for (std::size_t i = 0; i < heads.size(); ++i) {
      all->files->files.push_back({set_.images[i].path, heads[i].bytes});
      all->files->labels.push_back(0);
    }
    describe();
    set_.info.fingerprint = fingerprint(all_files(all->files->files));
    Division division = divide_masked(set_.division, set_.images.size(), request_.split);
    if (rules_.drop_empty) drop_empty(division.of(Split::Train));
    all->images = std::move(set_.images);
    all->targets = {set_.keypoints, set_.difficult, rules_.masks};
    SplitDataset::Splits splits;
    for (std::size_t i = 0; i < splits.size(); ++i) {
      if (!division.parts[i].empty()) splits[i] = std::make_shared<BoxedSource>(all, division.parts[i]);
    }
    return std::make_shared<SplitDataset>(std::move(set_.info), std::move(splits));
  }

  void describe() {
    Json& facts = set_.info.facts;
    facts["boxes"] = true;
    if (rules_.masks) facts["masks"] = true;
    if (set_.keypoints > 0) facts["keypoint_count"] = set_.keypoints;
    if (facts.contains("category_ids")) return;
    facts["category_ids"] = Json::array();
    for (std::size_t i = 0; i < set_.info.classes.size(); ++i) facts["category_ids"].push_back(i + 1);
  }

  std::vector<ListedFile> all_files(std::vector<ListedFile> files) const {
    check_file_names(files, request_.root.string());
    for (const auto& file : set_.annotations) {
      std::error_code error;
      const auto size = fs::file_size(file, error);
      if (error) throw file_error(file.string(), "cannot be read: " + error.message(), "is the data set whole?");
      files.push_back({file.lexically_relative(request_.root).string(), size});
    }
    return files;
  }

  void drop_empty(std::vector<std::int64_t>& positions) const {
    const auto empty = [&](std::int64_t at) { return set_.images[static_cast<std::size_t>(at)].objects.empty(); };
    const std::size_t before = positions.size();
    positions.erase(std::remove_if(positions.begin(), positions.end(), empty), positions.end());
    if (positions.size() == before) return;
    log::info(std::to_string(before - positions.size()) + " of " + std::to_string(before) +
              " training images have nothing in them and stay out (data.empty_images: drop)");
  }

  BoxedSet set_;
  const OpenRequest& request_;
  BoxRules rules_;
  std::unordered_set<std::string> seen_;
  std::vector<std::string> turned_;  // images whose boxes may be of the image before or after EXIF turned it
};

}  // namespace

std::shared_ptr<const Dataset> open_boxed(BoxedSet set, const OpenRequest& request, const BoxRules& rules) {
  return Opening(std::move(set), request, rules).open();
}

}  // namespace mlrun::data
