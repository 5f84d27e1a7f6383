#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "data/mask_census.h"

namespace mlrun::segmentation {

/// What a first look at images and masks finds.
struct MaskLook {
  std::filesystem::path root;
  std::string format;
  std::vector<std::string> classes;
  std::vector<std::int64_t> values;  ///< of the classes, where the masks' values were looked for
  std::map<data::Split, data::MaskCounts> counts;
  std::int64_t all = 0, train = 0;     ///< images
  std::int64_t width = 0, height = 0;  ///< the medians, pixels
  bool one_size = false;               ///< all images have it
  std::int64_t rotated = 0;            ///< images with an EXIF rotation
  std::int64_t unreadable = 0;         ///< images or masks
  std::string unreadable_example;

  bool has(data::Split split) const { return counts.count(split) > 0; }
  std::int64_t shorter_side() const { return width < height ? width : height; }
  /// The share of the rarest class that occurs, of all pixels that count.
  double smallest_share() const;
  Json json() const;
};

/// Looks at all heads and masks. An empty `format` is found out. Where masks have other values than 0 and 1, or 0 and
/// 255, and nothing names them, each value that occurs is a class. UserError where the data cannot be opened or have no
/// masks.
MaskLook look_at_masks(const std::filesystem::path& root, const std::string& format);

}  // namespace mlrun::segmentation
