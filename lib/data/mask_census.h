#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "data/inspect.h"
#include "data/transforms/follower.h"
#include "report/table.h"

namespace mlrun::data {

/// What the masks of one split hold.
struct MaskCounts {
  std::vector<std::int64_t> pixels;  ///< of each class
  std::vector<std::int64_t> images;  ///< of each class, where it occurs
  std::int64_t ignored = 0;          ///< pixels
  std::int64_t masks = 0;
  std::vector<std::string> empty;       ///< samples whose pixels are all ignored, sorted
  std::vector<std::string> unreadable;  ///< why, sorted

  std::int64_t all_pixels() const;
};

/// Counts the masks of a data set by split, from several threads.
class MaskCensus {
 public:
  /// Of masks with this many classes.
  explicit MaskCensus(std::size_t classes) : classes_(classes) {}

  /// Adds `mask`, uint8 [H, W].
  void add(Split split, const std::string& id, const torch::Tensor& mask);
  void refuse(Split split, const std::string& why);
  /// By split, when all are there.
  std::map<Split, MaskCounts> take();

 private:
  MaskCounts& of(Split split);

  std::size_t classes_;
  std::mutex guard_;
  std::map<Split, MaskCounts> counts_;
};

/// Whether the samples of a data set have masks of classes (`targets.mask`): the first one is read.
bool has_masks(const Dataset& dataset);

/// How masks of classes keep to their images; nothing follows where a data set has none.
Followers mask_followers(const Dataset& dataset);

/// Reads a few samples of each split, so that what is wrong with most masks is told before a training begins:
/// UserErrors of the source, and where all their pixels are ignored. Warns where they hold one class alone.
void check_some_masks(const Dataset& dataset);

/// Reads all masks of a data set, and of images no more than their bytes.
std::map<Split, MaskCounts> count_masks(const DataSubject& subject);

/// A row for each class: its pixels, their share and the images where it occurs, by split.
report::Table mask_table(const std::vector<std::string>& classes, const std::map<Split, MaskCounts>& counts);

/// What may be wrong with them, a sentence each: masks that count for nothing, classes that never occur.
std::vector<std::string> mask_warnings(const std::vector<std::string>& classes,
                                       const std::map<Split, MaskCounts>& counts);

}  // namespace mlrun::data
