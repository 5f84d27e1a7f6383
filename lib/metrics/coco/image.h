#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "metrics/coco/shapes.h"

namespace mlrun::metrics {

/// What one image has, class by class: the detections that count, the best first, its truths, and how far they overlap.
/// Made once and filled anew for each image.
class CocoImage {
 public:
  /// Detections and truths of one class.
  struct Group {
    std::size_t category = 0;
    std::size_t first = 0, end = 0;              ///< of `detections`
    std::size_t first_truth = 0, end_truth = 0;  ///< of `truths`
  };

  /// What is of no class is left out, and of each class the detections beyond the most that count. What is given must
  /// live as long as this is asked.
  void fill(const CocoSettings& settings, std::size_t categories, const std::vector<CocoTruth>& truths,
            const std::vector<CocoDetection>& detections);

  const std::vector<const CocoDetection*>& detections() const { return detections_; }
  const std::vector<const CocoTruth*>& truths() const { return truths_; }
  const std::vector<Group>& groups() const { return groups_; }
  double overlap(std::size_t detection, std::size_t truth) const {
    return overlaps_[detection * truths_.size() + truth];
  }

  /// The truth that a detection took when its group was matched, among all sizes and under the settings' `shown`
  /// threshold; -1: none.
  std::ptrdiff_t taken_by(std::size_t detection) const { return taken_by_[detection]; }

  /// Finds what each detection of a group is worth under each threshold (a bit) and area: a hit, or left out (found
  /// what does not count, or nothing and is itself of another size), or neither: a mistake. [detections of the group,
  /// areas].
  void match(const CocoSettings& settings, const Group& group, std::uint16_t* hits, std::uint16_t* left_out);

 private:
  struct Candidate {
    std::size_t truth = 0;
    double overlap = 0;
  };

  void find_candidates(const CocoSettings& settings, const Group& group);
  void match_area(const CocoSettings& settings, const Group& group, std::size_t area, std::uint16_t* hits,
                  std::uint16_t* left_out);
  /// The truth that a detection takes under a threshold; -1: none.
  std::ptrdiff_t choose(double bar, unsigned bit, std::size_t detection) const;

  std::vector<const CocoDetection*> detections_;
  std::vector<const CocoTruth*> truths_;
  std::vector<Group> groups_;
  std::vector<double> overlaps_;
  std::vector<Candidate> candidates_;       // of a group's detections, one after another
  std::vector<std::size_t> candidate_end_;  // of each
  std::vector<std::uint16_t> taken_;        // under which thresholds each truth is
  std::vector<char> ignored_;
  std::vector<std::ptrdiff_t> taken_by_;
};

/// NaN counts as less than everything; zeros are equal.
double sortable(double score);

}  // namespace mlrun::metrics
