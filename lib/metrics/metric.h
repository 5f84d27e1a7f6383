#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "data/fields.h"
#include "data/state.h"

namespace mlrun::metrics {

/// Named figures in the order in which tables show them.
using Figures = std::vector<std::pair<std::string, double>>;

/// True of figures of which less is better: `loss`, `brier`, `ece`, under any prefix (`val/swa_loss`).
bool lower_is_better(const std::string& figure);

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
};

}  // namespace mlrun::metrics
