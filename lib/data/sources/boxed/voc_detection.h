#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/options.h"
#include "data/sources/source.h"

namespace mlrun::data {

struct VocDetectionOptions {
  std::int64_t year = 2012;
  std::string images = "JPEGImages", annotations = "Annotations";
  std::optional<std::string> image_set = "train", val_set = "val", test_set;
  std::vector<std::string> classes;
  bool one_based = false;
  std::string degenerate = "error", empty_images = "keep";
  static void declare(config::Declare<VocDetectionOptions>& d);
};

/// Images with annotations as PASCAL VOC's XML, as `open_boxed` gives them: JPEGImages, Annotations and ImageSets/Main
/// in the root, in VOC2012 (the year) or in VOCdevkit/VOC2012. Without lists all annotations are one pool. `difficult`
/// is kept as a target. Classes are those named, or else the names that occur, in code point order.
std::shared_ptr<const Dataset> open_voc_detection(const VocDetectionOptions& options, const OpenRequest& request);

}  // namespace mlrun::data
