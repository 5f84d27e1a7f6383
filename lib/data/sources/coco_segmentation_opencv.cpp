#include "data/sources/coco_segmentation.h"

#include <algorithm>
#include <filesystem>
#include <unordered_map>
#include <utility>
#include <vector>

#include <torch/types.h>
#include <torch/utils.h>

#include "base/error.h"
#include "base/files.h"
#include "base/log.h"
#include "data/image/head.h"
#include "data/shown_text.h"
#include "data/sources/coco_annotations.h"
#include "data/sources/listing.h"
#include "data/sources/masked_images.h"
#include "data/sources/names.h"
#include "data/sources/voc_segmentation.h"

namespace mlrun::data {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kLargestFile = std::uint64_t{1} << 33U;

/// COCO's names of PASCAL VOC's classes, in VOC's order.
const config::StringPairs& voc_of_coco() {
  static const config::StringPairs pairs = [] {
    const char* const coco[] = {"airplane", "bicycle",      "bird",  "boat",         "bottle", "bus",   "car",
                                "cat",      "chair",        "cow",   "dining table", "dog",    "horse", "motorcycle",
                                "person",   "potted plant", "sheep", "couch",        "train",  "tv"};
    config::StringPairs list;
    for (std::size_t i = 0; i < std::size(coco); ++i) list.emplace_back(coco[i], voc_classes()[i + 1]);
    return list;
  }();
  return pairs;
}

/// Which categories make which classes.
class Classes {
 public:
  Classes(const CocoSegmentationOptions& options, const CocoAnnotations& first, const std::string& file) {
    config::StringPairs map = options.category_map.empty() ? voc_of_coco() : options.category_map;
    if (options.category_map.empty() && options.categories == "all") {
      map.clear();
      for (const auto& category : first.categories) map.emplace_back(category.name, category.name);
    }
    for (const auto& [category, name] : map) {
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
      of_name_[category] = static_cast<std::uint8_t>(std::find(names.begin(), names.end(), name) - names.begin());
    }
    if (names.size() > kMostMaskClasses) throw file_error(file, "makes more than 255 classes", "set data.category_map");
    check_known(options, first, file);
  }

  /// The class of each category of a file, by its id.
  std::unordered_map<std::int64_t, std::uint8_t> of(const CocoAnnotations& annotations) const {
    std::unordered_map<std::int64_t, std::uint8_t> labels;
    for (const auto& category : annotations.categories) {
      const auto found = of_name_.find(category.name);
      if (found != of_name_.end()) labels.emplace(category.id, found->second);
    }
    return labels;
  }

  std::vector<std::string> names = {"background"};

 private:
  void check_known(const CocoSegmentationOptions& options, const CocoAnnotations& first,
                   const std::string& file) const {
    std::string known;
    bool any = false;
    for (const auto& category : first.categories) {
      known += (known.empty() ? "" : ", ") + category.name;
      any = any || of_name_.count(category.name) > 0;
    }
    for (const auto& entry : options.category_map) {
      const auto same = [&](const auto& category) { return category.name == entry.first; };
      if (std::any_of(first.categories.begin(), first.categories.end(), same)) continue;
      throw UserError(Problem{"", 0, 0, "data.category_map",
                              "there is no category '" + shown_text(entry.first) + "' in " + file,
                              "it has " + shown_text(known)});
    }
    if (any) return;
    throw file_error(file, "has none of the categories that PASCAL VOC and COCO share, but " + shown_text(known),
                     "set data.categories: all, or name some by data.category_map");
  }

  std::unordered_map<std::string, std::uint8_t> of_name_;
};

/// One image's instances that make classes.
struct Instances {
  std::string file;  // of the annotations
  std::int64_t height = 0, width = 0;
  std::vector<std::pair<CocoObject, std::uint8_t>> objects;

  double area() const {
    double sum = 0;
    for (const auto& [object, label] : objects) {
      sum += object.area ? *object.area : static_cast<double>(object.mask(height, width).area());
    }
    return sum;
  }
};

torch::Tensor mask_of(const Instances& instances) {
  const torch::Tensor mask = torch::zeros({instances.height, instances.width}, torch::kByte);
  auto* labels = mask.data_ptr<std::uint8_t>();
  for (const auto& [object, label] : instances.objects) {
    const RunLengths runs = object.mask(instances.height, instances.width);
    if (runs.height != instances.height || runs.width != instances.width) {
      throw file_error(instances.file,
                       "annotation " + std::to_string(object.id) + " has a mask of another size than its image",
                       "masks have the sizes of their images");
    }
    for_each_pixel(runs, [&, value = label](std::int64_t y, std::int64_t x) {
      std::uint8_t& pixel = labels[y * instances.width + x];
      pixel = pixel == 0 ? value : kIgnored;
    });
  }
  return mask;
}

/// A split's files.
struct Part {
  Split split;
  std::string images;
  std::optional<std::string> annotations;
};

bool leads_outside(const fs::path& path) {
  return path.is_absolute() || std::find(path.begin(), path.end(), "..") != path.end();
}

class CocoOpening {
 public:
  CocoOpening(const CocoSegmentationOptions& options, const OpenRequest& request)
      : options_(options), request_(request) {
    pairs_->images = image_files_of(request);
  }

  std::shared_ptr<const Dataset> open() {
    const Part parts[] = {{Split::Train, options_.train_images, options_.train_annotations},
                          {Split::Val, options_.val_images, options_.val_annotations},
                          {Split::Test, options_.test_images, options_.test_annotations}};
    for (const auto& part : parts) {
      if (part.annotations) read(part);
    }
    if (!classes_) throw UserError("no annotations are named", "data.train_annotations names a file in data.root");
    DataInfo info;
    info.name = data_name(request_.root);
    info.classes = classes_->names;
    pairs_->mask = [all = std::move(instances_)](std::size_t position) { return mask_of((*all)[position]); };
    const auto count = pairs_->images->files.size();
    return masked_dataset(std::move(info), pairs_, divide_masked(division_, count, request_.split), others_);
  }

 private:
  void read(const Part& part) {
    const fs::path file = request_.root / *part.annotations;
    const char* const name = split_name(part.split);
    if (!fs::is_regular_file(file)) {
      throw file_error(file.string(), "is not there",
                       std::string("data.") + name + "_annotations names the instances of " + name +
                           " in data.root; null: there are none");
    }
    CocoAnnotations annotations = read_coco(read_file(file, kLargestFile), file.string());
    others_.push_back(file);
    if (!classes_) classes_.emplace(options_, annotations, file.string());
    const auto labels = classes_->of(annotations);
    std::vector<Instances> found(annotations.images.size());
    for (auto& object : annotations.objects) {
      const auto label = labels.find(object.category);
      if (label != labels.end()) found[object.image].objects.emplace_back(std::move(object), label->second);
    }
    std::int64_t left_out = 0;
    for (std::size_t i = 0; i < found.size(); ++i) {
      found[i].file = file.string();
      left_out += add(part, annotations.images[i], std::move(found[i])) ? 0 : 1;
    }
    if (left_out == 0) return;
    log::info(file.string() + ": " + std::to_string(left_out) + " of " + std::to_string(found.size()) +
              " images stay out of training, for no more than " +
              std::to_string(static_cast<std::int64_t>(*options_.min_area)) +
              " of their pixels have a class (data.min_area)");
  }

  /// False where the image stays out.
  bool add(const Part& part, const CocoImage& image, Instances instances) {
    const std::string path = (fs::path(part.images) / image.file).lexically_normal().string();
    if (leads_outside(image.file)) {
      throw file_error(instances.file, "'" + shown_text(image.file) + "' leads out of the folder of images",
                       "file_name is a path in it");
    }
    set_size(image, path, instances);
    if (part.split == Split::Train && options_.min_area && instances.area() <= *options_.min_area) return false;
    std::error_code error;
    const auto size = fs::file_size(request_.root / path, error);
    if (error) {
      throw file_error((request_.root / path).string(), "is not there, and " + instances.file + " names it",
                       std::string("data.") + split_name(part.split) + "_images names the folder of the images");
    }
    division_.of(part.split).push_back(static_cast<std::int64_t>(pairs_->images->files.size()));
    pairs_->images->files.push_back({path, size});
    pairs_->images->labels.push_back(0);
    instances_->push_back(std::move(instances));
    return true;
  }

  void set_size(const CocoImage& image, const std::string& path, Instances& instances) const {
    instances.height = image.height;
    instances.width = image.width;
    if (image.height > 0) return;
    const ImageHead head = read_image_head(read_file(request_.root / path));
    instances.height = head.height;
    instances.width = head.width;
  }

  const CocoSegmentationOptions& options_;
  const OpenRequest& request_;
  std::shared_ptr<MaskedImages> pairs_ = std::make_shared<MaskedImages>();
  std::shared_ptr<std::vector<Instances>> instances_ = std::make_shared<std::vector<Instances>>();
  std::optional<Classes> classes_;
  Division division_;
  std::vector<fs::path> others_;
};

/// Where the files lie: what is as by default is looked for in other places, too.
CocoSegmentationOptions located(CocoSegmentationOptions options, const fs::path& root) {
  const CocoSegmentationOptions usual;
  const auto locate = [&](std::string& images, std::optional<std::string>& annotations, const std::string& usual_images,
                          const std::optional<std::string>& usual_annotations) {
    if (images == usual_images) images = first_there(root, {images, "images/" + images, "images"});
    if (annotations && annotations == usual_annotations) {
      annotations = first_there(root, {*annotations, fs::path(*annotations).filename().string()});
    }
  };
  locate(options.train_images, options.train_annotations, usual.train_images, usual.train_annotations);
  locate(options.val_images, options.val_annotations, usual.val_images, usual.val_annotations);
  return options;
}

}  // namespace

void CocoSegmentationOptions::declare(config::Declare<CocoSegmentationOptions>& d) {
  using O = CocoSegmentationOptions;
  d("train_images", &O::train_images,
    "folder of the training images, in the root; unless it is named, images/train2017 and images are looked for, too");
  d("train_annotations", &O::train_annotations,
    "their instances, JSON in COCO's form, in the root (unless they are named, without annotations/, too); null: there "
    "are none");
  d("val_images", &O::val_images, "folder of the validation images");
  d("val_annotations", &O::val_annotations, "their instances; null: there is no such split");
  d("test_images", &O::test_images, "folder of the test images");
  d("test_annotations", &O::test_annotations, "their instances; null: there is no such split");
  d("categories", &O::categories,
    "voc: those 20 that PASCAL VOC has, as torchvision's references; all: each category is a class; 0 is the "
    "background")
      .choices({"voc", "all"});
  d("category_map", &O::category_map,
    "instead: the class of each category that has one, by name, as {car: vehicle, truck: vehicle}, in the order of the "
    "classes");
  d("min_area", &O::min_area,
    "training images of which instances cover no more stay out, as in torchvision's references; null: none")
      .min(0)
      .unit("pixels");
}

std::shared_ptr<const Dataset> open_coco_segmentation(const CocoSegmentationOptions& options,
                                                      const OpenRequest& request) {
  check_root(request.root);
  const CocoSegmentationOptions where = located(options, request.root);
  return CocoOpening(where, request).open();
}

}  // namespace mlrun::data
