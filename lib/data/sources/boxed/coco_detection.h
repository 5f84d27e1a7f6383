#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "config/options.h"
#include "data/sources/source.h"

namespace mlrun::data {

struct CocoDetectionOptions {
  std::string train_images = "train2017";
  std::optional<std::string> train_annotations = "annotations/instances_train2017.json";
  std::string val_images = "val2017";
  std::optional<std::string> val_annotations = "annotations/instances_val2017.json";
  std::string test_images = "test";
  std::optional<std::string> test_annotations;
  bool masks = false;
  std::string degenerate = "error", empty_images = "keep";
  static void declare(config::Declare<CocoDetectionOptions>& d);
};

/// Images with instances in COCO's form, as `open_boxed` gives them. Classes are the categories of all files in the
/// order of their ids, which `facts["category_ids"]` keeps; where a category has keypoints, `facts` have their names
/// (`keypoints`), `keypoint_pairs`, which exchange sides when mirrored, by `left` and `right` in the names, and
/// `skeleton`. What annotations may lack: info, annotations, ids, iscrowd (0), area (the box's), segmentation unless
/// `masks`, bbox (the polygons'), height and width (the image's).
std::shared_ptr<const Dataset> open_coco_detection(const CocoDetectionOptions& options, const OpenRequest& request);

}  // namespace mlrun::data
