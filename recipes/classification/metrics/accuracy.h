#pragma once

#include <cstdint>
#include <memory>

#include "data/sources/source.h"
#include "metrics/metric.h"

/// Metrics of single-label classification. They read `logits` (floating [N, C]) from the prediction
/// and `label` (int64 [N], 0 <= label < C) from the batch's targets, on any device. A class comes
/// before another of equal logit when its index is lower. A sample whose logits say nothing (a
/// NaN, plus infinity) is neither right nor wrong: figures that it belongs to are NaN. UserError for a label outside
/// the classes (it names the sample), and where C is not the number of the data's classes.
namespace mlrun::classification {

/// A range of percentages.
struct Interval {
  double low = 0, high = 100;
};

/// The 95 % Wilson score interval, in percent, of the share `correct` of `total`; 0 to 100 for no
/// samples. (E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
/// JASA 22, 1927.)
Interval wilson_interval(std::int64_t correct, std::int64_t total);

/// Figures `acc1` and, where there are at least 5 classes, `acc5`, in percent (NaN for no samples).
/// Details `accuracy`: `acc1_interval95` (low, high; percent; absent where acc1 is NaN), `correct`, `total`, `invalid`
/// (samples whose logits say nothing). The interval is an exhibit, too.
std::unique_ptr<metrics::Metric> make_accuracy(const data::DataInfo& info);

/// Figure `loss`: mean over samples of the cross-entropy in nats, computed and summed in float64,
/// sample by sample.
std::unique_ptr<metrics::Metric> make_loss(const data::DataInfo& info);

/// Details `per_class`: a list of `{class, total, correct, acc1}` in the order of labels, acc1 in
/// percent (null for a class without samples, or with one whose logits say nothing). The data must name the classes.
std::unique_ptr<metrics::Metric> make_per_class(const data::DataInfo& info);

/// Details `confusion`: `classes`, `matrix` (rows: true class, columns: predicted class) and
/// `invalid`, the samples whose logits say nothing, which stand in no column. The data must name the
/// classes. report/confusion.h renders it.
std::unique_ptr<metrics::Metric> make_confusion(const data::DataInfo& info);

}  // namespace mlrun::classification
