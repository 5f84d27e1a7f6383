#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/json.h"
#include "data/inspect.h"
#include "report/table.h"

namespace mlrun::data {

/// What the boxes of one split are like.
struct BoxCounts {
  std::vector<std::int64_t> boxes;   ///< of each class
  std::vector<std::int64_t> images;  ///< of each class, where it occurs
  std::int64_t all_images = 0, empty_images = 0;
  std::int64_t crowds = 0, difficult = 0;
  std::int64_t small = 0, medium = 0, large = 0;  ///< by COCO's areas: below 32 x 32, to 96 x 96, above
  std::vector<float> ratios;                      ///< width by height of each, sorted
  std::vector<float> sides;                       ///< square root of each area, sorted
  std::vector<std::int64_t> per_image;            ///< sorted
  std::vector<std::string> twice;                 ///< images with things that were drawn twice, sorted

  std::int64_t all_boxes() const;
};

/// Counts the boxes of a data set by split; no image is read.
std::map<Split, BoxCounts> count_boxes(const DataSubject& subject);

/// A row for each class: its boxes, their share and the images where it occurs, by split.
report::Table box_table(const std::vector<std::string>& classes, const std::map<Split, BoxCounts>& counts);
/// A row for each split: images without boxes, sizes, ratios, how many boxes an image has.
report::Table box_size_table(const std::map<Split, BoxCounts>& counts);
Json box_json(const std::vector<std::string>& classes, const std::map<Split, BoxCounts>& counts);

/// What may be wrong with them, a sentence each: classes that do not occur in training, things drawn twice.
std::vector<std::string> box_warnings(const std::vector<std::string>& classes,
                                      const std::map<Split, BoxCounts>& counts);

}  // namespace mlrun::data
