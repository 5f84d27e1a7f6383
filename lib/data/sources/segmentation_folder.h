#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/options.h"
#include "data/colours.h"
#include "data/sources/source.h"

namespace mlrun::data {

struct SegmentationFolderOptions {
  std::string images = "images", masks = "masks", mask_suffix;
  std::vector<std::string> classes, palette;
  std::vector<std::int64_t> values;
  std::optional<std::filesystem::path> class_table;
  std::int64_t ignore_index = 255;
  bool reduce_zero_label = false;
  static void declare(config::Declare<SegmentationFolderOptions>& d);
};

/// Images below `images` with masks of the same path and name (and `mask_suffix`) below `masks`, as PNG
/// (`decode_mask`). Splits are folders named train, val and test (or as `split_named` has it) in both, or lists of
/// names `train.txt`, `val.txt`, `test.txt` in the root, or parts of the whole. Samples have `targets.mask`, uint8 [H,
/// W]: the class of each pixel, 255 where it is ignored. UserError where a mask is absent, has another size than its
/// image, or values that are no class.
std::shared_ptr<const Dataset> open_segmentation_folder(const SegmentationFolderOptions& options,
                                                        const OpenRequest& request);

}  // namespace mlrun::data
