#pragma once

#include <memory>
#include <string>
#include <vector>

#include "config/options.h"
#include "data/sources/source.h"

namespace mlrun::data {

struct SegmentationFolderOptions {
  std::string images = "images", masks = "masks";
  std::vector<std::string> classes;
  std::vector<std::int64_t> values;
  std::int64_t ignore_index = 255;
  bool reduce_zero_label = false;
  static void declare(config::Declare<SegmentationFolderOptions>& d);
};

/// Images below `images` with masks of the same path and name below `masks`, as PNG (`decode_mask`). Splits are folders
/// named train, val and test in both, or lists of names `train.txt`, `val.txt`, `test.txt` in the root, or parts of the
/// whole. Samples have `targets.mask`, uint8 [H, W]: the class of each pixel, 255 where it is ignored. UserError where
/// a mask is absent, has another size than its image, or values that are no class.
std::shared_ptr<const Dataset> open_segmentation_folder(const SegmentationFolderOptions& options,
                                                        const OpenRequest& request);

/// The value of a mask where the pixel counts for nothing.
constexpr std::uint8_t kIgnored = 255;

}  // namespace mlrun::data
