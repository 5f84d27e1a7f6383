#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "data/sources/source.h"
#include "metrics/metric.h"

namespace mlrun::classification {

/// Of one class: percentages, NaN where there is nothing that they could be a share of.
struct ClassQuality {
  std::int64_t samples = 0;  ///< of this class
  double precision = 0;      ///< of those taken for this class, the share that is of it
  double recall = 0;         ///< of those of this class, the share that was taken for it
  double f1 = 0;             ///< harmonic mean of the two: 2 right / (samples + taken for it)
};

/// Means over classes; what is undefined counts as 0 in a class that occurs, as scikit-learn has it.
struct ClassMeans {
  double precision = 0, recall = 0, f1 = 0;
};

/// Of one class: how many samples it has, how many were taken for it, how many of those are of it.
ClassQuality class_quality(std::int64_t samples, std::int64_t taken, std::int64_t right);
/// Each class that occurs, in truth or prediction, counts the same.
ClassMeans macro_mean(const std::vector<ClassQuality>& scores);
/// Classes count as many times as they have samples.
ClassMeans weighted_mean(const std::vector<ClassQuality>& scores);
/// The mean recall of the classes that have samples.
double balanced_accuracy(const std::vector<ClassQuality>& scores);

/// What is wrong with figures that are named `precision_macro`, `recall_macro`, `f1_macro`, the same with `_weighted`,
/// `balanced_acc`, and `accK` for a whole number K up to the number of `classes` (0: not known); empty: nothing.
std::string figures_fault(const std::vector<std::string>& figures, std::int64_t classes = 0);

/// Details and table `precision`: precision, recall and F1 of each class, their macro and weighted means, the balanced
/// accuracy, of the samples whose logits say something. Figures are those that are named, NaN where there are others.
/// The data must name the classes; input and refusals as in accuracy.h.
std::unique_ptr<metrics::Metric> make_precision(const data::DataInfo& info, const std::vector<std::string>& figures);

}  // namespace mlrun::classification
