#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "metrics/coco/evaluation.h"

namespace mlrun::metrics {

/// What an evaluation found. Figures are 0 to 1, NaN where nothing could be found (COCO's API says -1 then).
struct CocoResult {
  CocoSettings settings;
  std::size_t categories = 0;
  std::vector<double> precisions;    ///< average precision, [thresholds, classes, areas, most detections]
  std::vector<double> recalls;       ///< of all that can be found the share that was, the same
  std::vector<double> curves;        ///< precision of all areas and most detections, [thresholds, classes, recalls]
  std::vector<double> scores;        ///< the score from which that recall is reached; 0 where it never is
  std::vector<std::int64_t> truths;  ///< that can be found, [classes, areas]

  std::size_t place(std::size_t threshold, std::size_t category, std::size_t area, std::size_t most) const {
    return ((threshold * categories + category) * settings.areas.size() + area) * settings.most_detections.size() +
           most;
  }
  /// From where the curve of a class stands in `curves` and `scores`.
  std::size_t curve(std::size_t threshold, std::size_t category) const {
    return (threshold * categories + category) * settings.recalls.size();
  }
};

CocoResult result_of(const CocoEvaluation& evaluation);

/// Of records with one area, under the first threshold; NaN without truths.
double average_precision(const CocoRecords& records, const std::vector<double>& recalls);

/// Which of the numbers a figure is the mean of.
struct CocoChoice {
  enum class What { Precision, Recall };
  What what = What::Precision;
  std::ptrdiff_t threshold = -1;  ///< all of them
  std::ptrdiff_t category = -1;   ///< all that can be found
  std::size_t area = 0;
  std::ptrdiff_t most = -1;  ///< the last
};

/// Their mean; NaN of nothing.
double mean_of(const CocoResult& result, const CocoChoice& choice);

/// By the names of the field: `ap`, `ap50`, `ap75`, `ap_small` …, `ar1` …, `ar_small` …; thresholds and areas that the
/// settings do not have are left out.
std::vector<std::pair<std::string, double>> coco_figures(const CocoResult& result);

}  // namespace mlrun::metrics
