#pragma once

#include <memory>
#include <string>

#include "config/options.h"
#include "data/sources/source.h"

namespace mlrun::data {

struct YoloOptions {
  std::string names = "data.yaml", images = "images", labels = "labels";
  bool masks = false;
  std::string degenerate = "error", empty_images = "keep";
  static void declare(config::Declare<YoloOptions>& d);
};

/// Images with label files as YOLO's tools have them, as `open_boxed` gives them: data.yaml names the classes and the
/// folders of each split (or lists of their images); the labels of images/a/1.jpg are in labels/a/1.txt. An image
/// without such a file has nothing in it; a split without any is a UserError.
std::shared_ptr<const Dataset> open_yolo(const YoloOptions& options, const OpenRequest& request);

}  // namespace mlrun::data
