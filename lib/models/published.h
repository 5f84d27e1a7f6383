#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

/// The weights that torchvision 0.14.1 publishes for its classifiers, segmenters and detectors, and how they are
/// evaluated.
namespace mlrun::models {

/// Where nothing is published, as of weights of a detector's backbone, or of masks where a detector finds none.
inline constexpr double kNoFigure = std::numeric_limits<double>::quiet_NaN();

/// The names of the 1000 ImageNet-1K classes, in the order of the models' outputs.
std::span<const char* const> imagenet_categories();

/// The names of PASCAL VOC's 21 classes, the background first, in the order of the models' outputs.
std::span<const char* const> voc_categories();

/// The names of COCO's 91 categories, the background first, in the order of the models' outputs: those whose number no
/// category has are `N/A`.
std::span<const char* const> coco_categories();
/// Of keypoints: `no person`, `person`.
std::span<const char* const> person_categories();

/// What weights were trained for.
struct PublishedData {
  const char* task;
  std::array<const char*, 2> metrics;            ///< of their evaluation
  std::span<const char* const> (*categories)();  ///< classes, in the order of the models' outputs
};

/// ImageNet-1K, its validation images.
inline constexpr PublishedData kImagenet{"classification", {"acc1", "acc5"}, &imagenet_categories};
/// COCO's pixels with the labels of PASCAL VOC, val2017.
inline constexpr PublishedData kCocoVoc{"segmentation", {"miou", "pixel_acc"}, &voc_categories};
/// COCO's boxes (and masks), val2017.
inline constexpr PublishedData kCoco{"detection", {"ap", "mask_ap"}, &coco_categories};
/// COCO's persons with their keypoints, val2017.
inline constexpr PublishedData kCocoKeypoints{"detection", {"ap", "keypoint_ap"}, &person_categories};

/// One published set of weights. scripts/fixtures/published_weights.py writes the table.
struct PublishedWeights {
  const char* model;                ///< `resnet50`
  const char* group;                ///< torchvision's enumeration, `ResNet50_Weights`
  const char* entry;                ///< `IMAGENET1K_V2`
  bool best;                        ///< what torchvision calls DEFAULT
  const char* file;                 ///< name of the file that is downloaded
  const char* sha256;               ///< the first digits of its SHA-256 sum, which its name ends with
  const PublishedData* data;        ///< what they were trained for
  std::array<double, 2> figures;    ///< `data->metrics`, percent; or kNoFigure
  std::int64_t params;              ///< elements of all parameters
  std::int64_t crop_size;           ///< centre crop at evaluation, pixels; where there is none, the resize
  std::int64_t resize_size;         ///< shorter side before it
  const char* interpolation;        ///< `bilinear` or `bicubic`
  std::array<double, 3> mean, std;  ///< of images in 0..1
  std::int64_t min_size;            ///< smallest image that the model takes, pixels
  const char* recipe;               ///< how they were trained
  const char* license;              ///< where it is not torchvision's own; else empty

  std::string url() const;
  std::string name() const { return std::string(model) + "/" + entry; }
  /// Percent; NaN where nothing is published of it.
  double figure(std::string_view metric) const;
};

/// All entries: classifiers, segmenters, detectors; models in alphabetical order, each model's entries in
/// torchvision's.
std::span<const PublishedWeights> published_weights();

/// The entries of `model`; none where torchvision publishes none.
std::vector<const PublishedWeights*> published_weights(const std::string& model);

/// The entry that `name` stands for: `resnet50/IMAGENET1K_V2`, `ResNet50_Weights.IMAGENET1K_V2`,
/// `resnet50` or `resnet50/DEFAULT`; with `model`, an entry's name alone too. Null where there is
/// none.
const PublishedWeights* find_published(const std::string& name, const std::string& model = "");

/// The same; UserError with the nearest names where there is none.
const PublishedWeights& published_at(const std::string& name, const std::string& model = "");

/// What the registry says of a model of torchvision: `task`, `input_size`, `resize_size`,
/// `interpolation`, `mean`, `std`, `min_size`, `num_classes`, `channels`, `metrics` (of the entry
/// that fits the model as it is built by default: IMAGENET1K_V1, else the one with a 224 px crop, else the best)
/// and `weights`, a list of all entries. A model without entries is a bug.
Json published_facts(const std::string& model);

/// One entry as `published_facts` lists it.
Json published_json(const PublishedWeights& weights);

}  // namespace mlrun::models
