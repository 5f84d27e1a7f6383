#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/options.h"
#include "data/sources/source.h"

namespace mlrun::data {

struct LabelMeOptions {
  std::string train_folder = ".";
  std::optional<std::string> val_folder, test_folder;
  std::vector<std::string> classes;
  bool masks = false;
  std::string degenerate = "error", empty_images = "keep";
  static void declare(config::Declare<LabelMeOptions>& d);
};

/// Images with a JSON file of LabelMe's beside each, as `open_boxed` gives them: its imagePath, from there, names the
/// image. Points and lines bound nothing and are left out, which is told. Classes are those named, or else the labels
/// that occur, in code point order.
std::shared_ptr<const Dataset> open_labelme(const LabelMeOptions& options, const OpenRequest& request);

}  // namespace mlrun::data
