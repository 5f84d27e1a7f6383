#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "config/recipe.h"
#include "engine/evaluator.h"
#include "engine/task.h"

namespace mlrun::engine {

/// Ends a training whose selecting metric no longer improves: `train.early_stopping`.
class EarlyStopping : public data::Stateful {
 public:
  /// `metric` as `selecting_metric` names it. UserError where there is nothing to evaluate on.
  EarlyStopping(const config::EarlyStoppingOptions& options, std::string metric, Task& task);

  bool active() const { return options_.patience.has_value(); }
  /// Counts an evaluation, unless it lacks the metric (an average that is still to come). NaN is no improvement.
  void look(const Evaluation& evaluation);
  /// True once `patience` evaluations in a row were no better.
  bool reached() const { return active() && waited_ >= *options_.patience; }
  /// What happened, as `val/acc1 was no better for 5 evaluations`.
  std::string reason() const;

  /// `<prefix>early_stopping`; nothing where it is not active.
  void save(data::State& state, const std::string& prefix) const override;
  void load(const data::State& state, const std::string& prefix) override;

 private:
  config::EarlyStoppingOptions options_;
  std::string metric_;
  std::optional<double> best_;
  std::int64_t waited_ = 0;
};

}  // namespace mlrun::engine
