#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/options.h"
#include "data/sources/source.h"

namespace mlrun::data {

struct VocSegmentationOptions {
  std::int64_t year = 2012;
  std::string image_set = "train";
  std::optional<std::string> val_set = "val", test_set;
  std::string masks = "SegmentationClass";
  static void declare(config::Declare<VocSegmentationOptions>& d);
};

/// The 21 classes of PASCAL VOC, the background first.
const std::vector<std::string>& voc_classes();

/// PASCAL VOC: JPEGImages, SegmentationClass and ImageSets/Segmentation in the root, in VOC2012 (the year) or in
/// VOCdevkit/VOC2012. 255, the border of things, is ignored.
std::shared_ptr<const Dataset> open_voc_segmentation(const VocSegmentationOptions& options, const OpenRequest& request);

}  // namespace mlrun::data
