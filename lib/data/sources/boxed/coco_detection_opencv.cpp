#include "data/sources/boxed/coco_detection.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <unordered_map>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "data/shown_text.h"
#include "data/sources/boxed/boxed_images.h"
#include "data/sources/coco_annotations.h"
#include "data/sources/listing.h"

namespace mlrun::data {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kLargestFile = std::uint64_t{1} << 33U;

/// A split's files.
struct Part {
  Split split;
  std::string images;
  std::optional<std::string> annotations;
};

struct ReadPart {
  Part part;
  std::string file;
  CocoAnnotations annotations;
};

/// The name with its first `left` replaced by `right`; empty where it has none.
std::string other_side(const std::string& name) {
  for (const auto& [from, to] : {std::pair("left", "right"), std::pair("Left", "Right"), std::pair("LEFT", "RIGHT")}) {
    const auto at = name.find(from);
    if (at != std::string::npos) return name.substr(0, at) + to + name.substr(at + std::string(from).size());
  }
  return "";
}

/// Left, top, right, bottom as float32 has them where torchvision adds the sides.
std::array<double, 4> corners_of(const std::array<double, 4>& box) {
  const auto left = static_cast<float>(box[0]), top = static_cast<float>(box[1]);
  return {left, top, left + static_cast<float>(box[2]), top + static_cast<float>(box[3])};
}

class CocoOpening {
 public:
  CocoOpening(const CocoDetectionOptions& options, const OpenRequest& request) : options_(options), request_(request) {}

  std::shared_ptr<const Dataset> open() {
    const Part parts[] = {{Split::Train, options_.train_images, options_.train_annotations},
                          {Split::Val, options_.val_images, options_.val_annotations},
                          {Split::Test, options_.test_images, options_.test_annotations}};
    std::vector<ReadPart> all;
    for (const auto& part : parts) {
      if (part.annotations) all.push_back(read(part));
    }
    if (all.empty()) throw UserError("no annotations are named", "data.train_annotations names a file in data.root");
    set_.info.name = data_name(request_.root);
    set_.division.emplace();
    set_.images_hint = "data.train_images, data.val_images and data.test_images name the folders of the images";
    for (const auto& part : all) add_categories(part);
    set_classes();
    for (auto& part : all) add(part);
    return open_boxed(std::move(set_), request_, rules_of(options_, options_.masks));
  }

 private:
  ReadPart read(const Part& part) {
    const fs::path file = request_.root / *part.annotations;
    const std::string name = split_name(part.split);
    if (!fs::is_regular_file(file)) {
      throw file_error(
          file.string(), "is not there",
          "data." + name + "_annotations names the instances of " + name + " in data.root; null: there are none");
    }
    set_.annotations.push_back(file);
    return {part, file.string(), read_coco(read_file(file, kLargestFile), file.string(), {options_.masks, true})};
  }

  void add_categories(const ReadPart& part) {
    for (const auto& category : part.annotations.categories) {
      const auto [known, added] = categories_.emplace(category.id, category);
      if (added || known->second.name == category.name) continue;
      set_.problems.add(part.file, 0,
                        "the category " + std::to_string(category.id) + " is '" + shown_text(category.name) +
                            "', and '" + shown_text(known->second.name) + "' in the annotations before",
                        "categories are the same in all files of a data set");
    }
  }

  void set_classes() {
    Json ids = Json::array();
    std::map<std::string, std::int64_t> names;
    for (const auto& [id, category] : categories_) {
      const auto [first, added] = names.emplace(category.name, id);
      if (!added) {
        set_.problems.add(set_.annotations.front().string(), 0,
                          "the categories " + std::to_string(first->second) + " and " + std::to_string(id) +
                              " are both named '" + shown_text(category.name) + "'",
                          "give each a name of its own");
      }
      label_of_[id] = static_cast<std::int64_t>(set_.info.classes.size());
      set_.info.classes.push_back(category.name);
      ids.push_back(id);
      if (static_cast<std::int64_t>(category.keypoints.size()) > set_.keypoints) set_keypoints(category);
    }
    set_.info.facts["category_ids"] = std::move(ids);
  }

  void set_keypoints(const CocoCategory& category) {
    const auto& names = category.keypoints;
    set_.keypoints = static_cast<std::int64_t>(names.size());
    Json pairs = Json::array(), skeleton = Json::array();
    for (std::size_t i = 0; i < names.size(); ++i) {
      const auto other = std::find(names.begin(), names.end(), other_side(names[i]));
      if (!names[i].empty() && other != names.end()) pairs.push_back({i, other - names.begin()});
    }
    for (const auto& [from, to] : category.skeleton) skeleton.push_back({from, to});
    set_.info.facts["keypoints"] = names;
    set_.info.facts["keypoint_pairs"] = std::move(pairs);
    set_.info.facts["skeleton"] = std::move(skeleton);
  }

  void add(ReadPart& part) {
    const std::size_t first = set_.images.size();
    for (const auto& image : part.annotations.images) {
      const fs::path name = image.file;
      if (name.is_absolute() || std::find(name.begin(), name.end(), "..") != name.end()) {
        set_.problems.add(part.file, 0, "'" + shown_text(image.file) + "' leads out of the folder of images",
                          "file_name is a path in it");
      }
      set_.division->of(part.part.split).push_back(static_cast<std::int64_t>(set_.images.size()));
      const std::string path = (fs::path(part.part.images) / name).lexically_normal().string();
      set_.images.push_back({path, part.file, image.id, image.height, image.width, {}});
    }
    for (auto& object : part.annotations.objects) {
      set_.images[first + object.image].objects.push_back(converted(part, std::move(object)));
    }
  }

  BoxedObject converted(const ReadPart& part, CocoObject object) {
    const auto points = static_cast<std::size_t>(set_.keypoints) * 3;
    if (!object.keypoints.empty() && object.keypoints.size() != points) {
      set_.problems.add(part.file, 0,
                        "annotation " + std::to_string(object.id) + " has " + std::to_string(object.keypoints.size()) +
                            " numbers as keypoints",
                        "three for each of the " + std::to_string(set_.keypoints) + " keypoints of its category");
    }
    BoxedObject result;
    result.id = object.id;
    result.label = label_of_.at(object.category);
    result.box = corners_of(*object.box);
    result.area = object.area;
    result.crowd = object.crowd;
    result.outlines = std::move(object.outlines);
    result.runs = std::move(object.runs);
    result.keypoints = std::move(object.keypoints);
    return result;
  }

  const CocoDetectionOptions& options_;
  const OpenRequest& request_;
  BoxedSet set_;
  std::map<std::int64_t, CocoCategory> categories_;  // of all files
  std::unordered_map<std::int64_t, std::int64_t> label_of_;
};

}  // namespace

void CocoDetectionOptions::declare(config::Declare<CocoDetectionOptions>& d) {
  using O = CocoDetectionOptions;
  d("train_images", &O::train_images, "folder of the training images, in the root");
  d("train_annotations", &O::train_annotations,
    "their instances, JSON in COCO's form, in the root; null: there are none");
  d("val_images", &O::val_images, "folder of the validation images");
  d("val_annotations", &O::val_annotations, "their instances; null: there is no such split");
  d("test_images", &O::test_images, "folder of the test images");
  d("test_annotations", &O::test_annotations, "their instances; null: there is no such split");
  d("masks", &O::masks, "also give the mask of each thing: each must have one");
  declare_boxed(d);
}

std::shared_ptr<const Dataset> open_coco_detection(const CocoDetectionOptions& options, const OpenRequest& request) {
  check_root(request.root);
  return CocoOpening(options, request).open();
}

}  // namespace mlrun::data
