#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/sources/source.h"
#include "metrics/metric.h"

namespace mlrun::classification {

using metrics::Better;
using metrics::Figures;
using metrics::Metric;

/// The rank and the prediction of a sample whose logits say nothing.
constexpr std::int64_t kInvalid = -1;

/// The logits of one sample, in float64, and its label.
struct Row {
  const double* logits;
  std::int64_t classes;
  std::int64_t label;  ///< 0 <= label < classes

  /// Whether no probabilities can be made of the logits: one is a NaN, or the largest is no finite number. Minus
  /// infinity is a probability of 0.
  bool invalid() const;
  /// How many classes come before the true one: larger logit, or an equal one and a lower index.
  std::int64_t rank() const;
  /// The class that comes before all others.
  std::int64_t predicted() const;
  /// In nats; NaN for an invalid row.
  double cross_entropy() const;
};

/// What metrics of classification share: they look at a batch sample by sample, on the CPU and in
/// float64, so that no result depends on how samples were batched. See accuracy.h for what is read and refused.
class PerSample : public Metric {
 public:
  explicit PerSample(const data::DataInfo& info) : classes_(info.classes) {}

  void update(const data::Fields& prediction, const data::Batch& batch) final;

 protected:
  virtual void add(const Row& row) = 0;

  const std::vector<std::string>& classes() const { return classes_; }

 private:
  void check_width(std::int64_t width) const;

  std::vector<std::string> classes_;
};

}  // namespace mlrun::classification
