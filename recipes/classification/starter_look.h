#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/json.h"

namespace mlrun::classification {

/// What a first look at a data set finds.
struct DataLook {
  std::filesystem::path root;
  std::string format;
  std::vector<std::string> classes;
  std::vector<std::int64_t> counts;  ///< training images of each class
  bool has_val = false, has_test = false;
  std::int64_t train = 0, all = 0;           ///< images
  std::int64_t channels = 3;                 ///< as decoded
  std::int64_t width = 0, height = 0;        ///< the medians, pixels
  bool one_size = false;                     ///< all images have it
  std::int64_t rotated = 0;                  ///< images with an EXIF rotation
  std::int64_t decoded = 0, unreadable = 0;  ///< of the images that were read whole
  std::string unreadable_example;
  double mean = 0.5, deviation = 0.5;  ///< of the values 0..1 of those

  std::int64_t smallest() const;  ///< of `counts`
  std::int64_t largest() const;
  std::int64_t shorter_side() const { return width < height ? width : height; }
  Json json() const;
};

/// Counts classes, looks at all heads and reads up to 400 images whole. An empty `format` is found out.
/// UserError where the data cannot be opened.
DataLook look_at_data(const std::filesystem::path& root, std::string format);

}  // namespace mlrun::classification
