#pragma once

#include <memory>
#include <string>

#include "config/options.h"
#include "data/sources/source.h"

namespace mlrun::data {

struct InstanceMasksOptions {
  std::string images = "images", masks = "masks", mask_suffix;
  std::string class_name = "object";
  std::string degenerate = "error", empty_images = "keep";
  static void declare(config::Declare<InstanceMasksOptions>& d);
};

/// Images with a mask of each thing in them, all of one class, as `open_boxed` gives them with masks; a box is what its
/// mask reaches. Below `masks` an image has either one PNG of its name (and `mask_suffix`), in which each thing has a
/// value of its own and 0 is the ground, or a folder of its name with a PNG for each thing, not 0 where it is. Without
/// a folder `images` in the root, each folder there is an image with two folders so named (the Data Science Bowl's
/// form). Splits as `own_division` has them. UserError for an image without masks, and for masks in colour.
std::shared_ptr<const Dataset> open_instance_masks(const InstanceMasksOptions& options, const OpenRequest& request);

}  // namespace mlrun::data
