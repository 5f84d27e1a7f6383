#pragma once

#include <memory>
#include <string>

#include "config/options.h"
#include "data/sources/source.h"

namespace mlrun::data {

struct CityscapesOptions {
  std::string mode = "fine", labels = "labelIds";
  static void declare(config::Declare<CityscapesOptions>& d);
};

/// Cityscapes: leftImg8bit and gtFine (or gtCoarse), with the 19 classes that it evaluates. The masks of its test
/// images are empty, so that there is no such split.
std::shared_ptr<const Dataset> open_cityscapes(const CityscapesOptions& options, const OpenRequest& request);

}  // namespace mlrun::data
