#pragma once

#include <memory>
#include <string>
#include <vector>

#include "config/options.h"
#include "data/sources/source.h"

namespace mlrun::data {

struct CvatOptions {
  std::string annotations = "annotations.xml", images = "images", frames = "frame_######.jpg";
  std::vector<std::string> classes;
  bool masks = false;
  std::string degenerate = "error", empty_images = "keep";
  static void declare(config::Declare<CvatOptions>& d);
};

/// Images with an XML file of CVAT's (for images 1.1, or for video 1.1), as `open_boxed` gives them. Subsets named
/// train, val or validation, and test are splits; without them all images are one pool. Classes are those named, or
/// else the labels of the file's head, or else those that occur, in code point order.
std::shared_ptr<const Dataset> open_cvat(const CvatOptions& options, const OpenRequest& request);

}  // namespace mlrun::data
