#pragma once

#include <vector>

#include "base/json.h"
#include "data/fields.h"
#include "data/state.h"
#include "report/exhibit.h"
#include "report/figure.h"

namespace mlrun::metrics {

using report::Better;
using report::Figures;

/// An exact figure over a whole split, whatever the batches were: counts and float64 sums only.
class Metric : public data::Stateful {
 public:
  /// `prediction` is what the task's `predict` returned for `batch`.
  virtual void update(const data::Fields& prediction, const data::Batch& batch) = 0;
  /// Adds what another instance, fed with other samples, has seen.
  virtual void merge(const Metric& other) = 0;
  virtual Figures compute() const = 0;
  /// What does not fit into one number (per-class table, confusion matrix); null: nothing.
  virtual Json details() const { return nullptr; }
  /// The same to be looked at: what `mlrun eval` shows and writes as files.
  virtual std::vector<report::Exhibit> exhibits() const { return {}; }
};

}  // namespace mlrun::metrics
