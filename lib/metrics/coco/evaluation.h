#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_set>
#include <vector>

#include "metrics/coco/image.h"

namespace mlrun::metrics {

/// Why a detection is none of the hits (after TIDE, Bolya et al., 2020), under the settings' `shown` overlap.
enum class CocoError : std::uint8_t {
  None,        ///< it is one, or counts for nothing
  Class,       ///< it lies on an object of another class
  Place,       ///< it touches an object of its class, not enough
  Both,        ///< it touches an object of another class, not enough
  Twice,       ///< its object was found by a better one
  Background,  ///< nothing is there
  Missed       ///< of objects: that no detection lies on or touches so
};

/// What is kept of the detections of one class: a row for each, in the order in which they came.
struct CocoRecords {
  std::vector<double> scores;
  std::vector<std::int64_t> images;
  std::vector<std::uint16_t> ranks;           ///< among those of its image, the best first
  std::vector<std::uint16_t> hits, left_out;  ///< [rows, areas]: a bit for each threshold, see `CocoImage::match`
  std::vector<std::int64_t> truths;           ///< of each area: those that can be found
  std::vector<CocoError> errors;
  std::vector<std::int32_t> mended;  ///< the class in which the detection is a hit once its error is mended; -1: gone
  std::int64_t missed = 0;           ///< truths that are errors themselves

  std::size_t size() const { return scores.size(); }
};

/// Counts that explain a figure. Sums, so they can be merged.
struct CocoTotals {
  std::int64_t truths = 0;      ///< all, of known classes
  std::int64_t ignored = 0;     ///< of them crowds and what is ignored
  std::int64_t detections = 0;  ///< that count
  std::int64_t near = 0;        ///< of them those that overlap a truth of whatever class by the confusion's bound
  std::int64_t right = 0;       ///< of them those that overlap one of their own class so
  std::int64_t unknown = 0;     ///< detections of no known class
  double farthest_truth = 0;    ///< the largest coordinate
  double farthest_detection = 0;
};

/// All of it in plain lists, to be saved: rows of all classes one after another.
struct CocoState {
  std::vector<std::int64_t> rows;  ///< of each class
  std::vector<double> scores;
  std::vector<std::int64_t> images;
  std::vector<std::int64_t> ranks, hits, left_out, errors, mended;
  std::vector<std::int64_t> truths;     ///< [classes, areas]
  std::vector<std::int64_t> missed;     ///< of each class
  std::vector<std::int64_t> seen;       ///< images, ascending
  std::vector<std::int64_t> confusion;  ///< [classes + 1, classes + 1]
  std::vector<std::int64_t> counts;     ///< of `CocoTotals`, in their order
  std::vector<double> farthest;
};

/// COCO's evaluation, fed image by image. What it says depends neither on the order of the images nor on how they were
/// shared among instances that are merged. It keeps some 40 bytes for each
/// detection that counts, whatever its kind.
class CocoEvaluation {
 public:
  CocoEvaluation(CocoSettings settings, std::size_t categories);

  /// Images are told apart by `image`; among equal scores the lower goes first, as COCO's API does by their ids.
  /// UserError where it was added before.
  void add(std::int64_t image, const std::vector<CocoTruth>& truths, const std::vector<CocoDetection>& detections);
  /// UserError where both have seen one image.
  void merge(const CocoEvaluation& other);

  CocoState state() const;
  /// False, and nothing has changed, where the state is of other classes or settings.
  bool restore(const CocoState& state);

  const CocoSettings& settings() const { return settings_; }
  const std::vector<CocoRecords>& records() const { return records_; }
  std::size_t images() const { return seen_.size(); }
  const CocoTotals& totals() const { return totals_; }
  /// Counts by true and found class, [classes + 1, classes + 1]; the last of each is the background: what was missed,
  /// and what was found where nothing is. Of detections with at least the settings' score, the best first, each takes
  /// the free truth of any class that it overlaps most. What took only truths that do not count is left out.
  const std::vector<std::int64_t>& confusion() const { return confusion_; }

 private:
  void take_group(std::int64_t image, const CocoImage::Group& group);
  void count(const std::vector<CocoTruth>& truths, const std::vector<CocoDetection>& detections);
  void confuse();
  /// Names the errors among the newest rows: those of the image.
  void sort_errors();
  /// The truth that a detection takes in the confusion matrix; -1: none.
  std::ptrdiff_t taken_by(std::size_t detection, const std::vector<char>& taken) const;
  void see(std::int64_t image);

  CocoSettings settings_;
  std::vector<CocoRecords> records_;
  std::unordered_set<std::int64_t> seen_;
  std::vector<std::int64_t> confusion_;
  CocoTotals totals_;
  CocoImage image_;
};

}  // namespace mlrun::metrics
