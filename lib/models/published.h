#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"

/// The weights that torchvision 0.14.1 publishes for its classifiers, and how they are evaluated.
namespace mlrun::models {

/// Where the weights classify nothing, as those of a detector's backbone.
inline constexpr double kNoFigure = std::numeric_limits<double>::quiet_NaN();

/// One published set of ImageNet-1K weights. scripts/fixtures/published_weights.py writes the table.
struct PublishedWeights {
  const char* model;                ///< `resnet50`
  const char* group;                ///< torchvision's enumeration, `ResNet50_Weights`
  const char* entry;                ///< `IMAGENET1K_V2`
  bool best;                        ///< what torchvision calls DEFAULT
  const char* file;                 ///< name of the file that is downloaded
  const char* sha256;               ///< the first digits of its SHA-256 sum, which its name ends with
  double acc1, acc5;                ///< percent, ImageNet-1K validation; or kNoFigure
  std::int64_t params;              ///< elements of all parameters
  std::int64_t crop_size;           ///< centre crop at evaluation, pixels
  std::int64_t resize_size;         ///< shorter side before it
  const char* interpolation;        ///< `bilinear` or `bicubic`
  std::array<double, 3> mean, std;  ///< of images in 0..1
  std::int64_t min_size;            ///< smallest image that the model takes, pixels
  const char* recipe;               ///< how they were trained
  const char* license;              ///< where it is not torchvision's own; else empty

  std::string url() const;
  std::string name() const { return std::string(model) + "/" + entry; }
};

/// All entries: models in alphabetical order, each model's in torchvision's.
std::span<const PublishedWeights> published_weights();

/// The entries of `model`; none where torchvision publishes none.
std::vector<const PublishedWeights*> published_weights(const std::string& model);

/// The entry that `name` stands for: `resnet50/IMAGENET1K_V2`, `ResNet50_Weights.IMAGENET1K_V2`,
/// `resnet50` or `resnet50/DEFAULT`; with `model`, an entry's name alone too. Null where there is
/// none.
const PublishedWeights* find_published(const std::string& name, const std::string& model = "");

/// The same; UserError with the nearest names where there is none.
const PublishedWeights& published_at(const std::string& name, const std::string& model = "");

/// What the registry says of a torchvision classifier: `task`, `input_size`, `resize_size`,
/// `interpolation`, `mean`, `std`, `min_size`, `num_classes`, `channels`, `metrics` (of the entry
/// that fits the model as it is built by default: IMAGENET1K_V1, else the one with a 224 px crop)
/// and `weights`, a list of all entries. A model without entries is a bug.
Json published_facts(const std::string& model);

/// One entry as `published_facts` lists it.
Json published_json(const PublishedWeights& weights);

/// The names of the 1000 ImageNet-1K classes, in the order of the models' outputs.
std::span<const char* const> imagenet_categories();

}  // namespace mlrun::models
