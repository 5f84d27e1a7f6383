#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "config/options.h"
#include "data/sources/source.h"

namespace mlrun::data {

struct CocoSegmentationOptions {
  std::string train_images = "train2017";
  std::optional<std::string> train_annotations = "annotations/instances_train2017.json";
  std::string val_images = "val2017";
  std::optional<std::string> val_annotations = "annotations/instances_val2017.json";
  std::string test_images = "test";
  std::optional<std::string> test_annotations;
  std::string categories = "voc";
  config::StringPairs category_map;
  std::optional<double> min_area = 1000;
  static void declare(config::Declare<CocoSegmentationOptions>& d);
};

/// Images with instances in COCO's form, whose pixels become classes as in torchvision's references: 0 is the
/// background, what several instances cover is ignored, crowds are instances like others. `categories` and
/// `category_map` say which make classes.
std::shared_ptr<const Dataset> open_coco_segmentation(const CocoSegmentationOptions& options,
                                                      const OpenRequest& request);

}  // namespace mlrun::data
