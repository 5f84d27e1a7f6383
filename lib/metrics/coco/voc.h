#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_set>
#include <vector>

#include "metrics/coco/shapes.h"

namespace mlrun::metrics {

/// How average precision is read off a curve: at recalls 0, 0.1, …, 1 as until 2009 (VOC 2007), or as the area below
/// it.
enum class VocRule { ElevenPoints, AllPoints };

struct VocSettings {
  double overlap = 0.5;  ///< a hit overlaps more
  double pixels = 1;     ///< added to widths and heights: 1 where corners are pixels that belong to the box, else 0
};

/// All that an evaluation keeps in plain lists: rows of all classes one after another.
struct VocState {
  std::vector<std::int64_t> rows;  ///< of each class
  std::vector<double> scores;
  std::vector<std::int64_t> images, ranks, verdicts;
  std::vector<std::int64_t> truths;  ///< of each class
  std::vector<std::int64_t> seen;    ///< images, ascending
};

/// Pascal VOC's evaluation of boxes, fed image by image. A detection is held against the truth of its class that it
/// overlaps most, found before or not; truths that are `ignored` (difficult) or crowds count for nothing. Like COCO's
/// it depends on no order, but all detections count.
class VocEvaluation {
 public:
  VocEvaluation(VocSettings settings, std::size_t categories) : settings_(settings), records_(categories) {}

  /// UserError where the image was added before.
  void add(std::int64_t image, const std::vector<CocoTruth>& truths, const std::vector<CocoDetection>& detections);
  void merge(const VocEvaluation& other);

  VocState state() const;
  /// False, and nothing has changed, where the state is of other classes.
  bool restore(const VocState& state);

  /// Of one class, 0 to 1; NaN without truths.
  double average_precision(std::size_t category, VocRule rule) const;
  /// Of the classes that have truths; NaN of nothing.
  double mean(VocRule rule) const;

 private:
  enum class Verdict : std::uint8_t { Wrong, Hit, LeftOut };
  struct Row {
    double score = 0;
    std::int64_t image = 0;
    std::int64_t rank = 0;
    Verdict verdict = Verdict::Wrong;
  };
  struct Records {
    std::vector<Row> rows;
    std::int64_t truths = 0;
  };

  void see(std::int64_t image);
  double overlap_of(const CocoBox& a, const CocoBox& b) const;
  Verdict judge(const CocoDetection& found, const std::vector<CocoTruth>& truths, std::vector<char>& taken) const;

  VocSettings settings_;
  std::vector<Records> records_;
  std::unordered_set<std::int64_t> seen_;
};

}  // namespace mlrun::metrics
