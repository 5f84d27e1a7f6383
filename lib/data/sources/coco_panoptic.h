#pragma once

#include <memory>
#include <optional>
#include <string>

#include "config/options.h"
#include "data/sources/source.h"

namespace mlrun::data {

struct CocoPanopticOptions {
  std::string train_images = "train2017";
  std::optional<std::string> train_annotations = "annotations/panoptic_train2017.json";
  std::string train_masks = "annotations/panoptic_train2017";
  std::string val_images = "val2017";
  std::optional<std::string> val_annotations = "annotations/panoptic_val2017.json";
  std::string val_masks = "annotations/panoptic_val2017";
  config::StringPairs category_map;
  static void declare(config::Declare<CocoPanopticOptions>& d);
};

/// Images with panoptic annotations in COCO's form: PNG whose colours are ids of segments (red + 256 green + 65536
/// blue). Each category of things and stuff is a class; what no segment covers is ignored.
std::shared_ptr<const Dataset> open_coco_panoptic(const CocoPanopticOptions& options, const OpenRequest& request);

}  // namespace mlrun::data
