#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/evaluator.h"
#include "metrics/metric.h"
#include "optim/schedule.h"

namespace mlrun::engine {

/// Where a training stands: `step` optimizer steps are done, `step_in_epoch` of them in `epoch`, and the first
/// `reported` of them are in the report of a stretch.
struct Position {
  std::int64_t step = 0;
  std::int64_t epoch = 0;
  std::int64_t step_in_epoch = 0;
  std::int64_t reported = 0;
};

/// What a training will be.
struct TrainingPlan {
  std::int64_t epochs = 0;  ///< that are begun
  std::int64_t steps_per_epoch = 0;
  std::int64_t samples = 0;               ///< of an epoch, as the sampler counts them
  std::string unit = "samples";           ///< Task::unit
  std::optional<std::int64_t> length{};   ///< steps, of a training that may end within an epoch
  std::optional<std::int64_t> stretch{};  ///< steps between two reports; nothing: an epoch

  std::int64_t steps() const { return length.value_or(epochs * steps_per_epoch); }
  optim::Horizon horizon() const { return {steps_per_epoch, steps()}; }
  /// Whether a stretch is over, to be evaluated and reported, once `step` steps are done.
  bool ends_stretch(std::int64_t step) const {
    return step == steps() || step % stretch.value_or(steps_per_epoch) == 0;
  }
  /// Whether the stretch that ends at `position` is still to be reported.
  bool waits(const Position& position) const {
    return position.reported != position.step && ends_stretch(position.step);
  }
  bool in_steps() const { return length.has_value(); }
};

/// Numbers of the models of a task by their names.
using ByModel = std::vector<std::pair<std::string, double>>;

/// One optimizer step that has just been done.
struct StepReport {
  Position position;
  double lr = 0;
  double loss = 0;
  double grad_norm = 0;      ///< before clipping
  std::int64_t samples = 0;  ///< in this step
  double wait = 0;           ///< seconds spent waiting for data
  ByModel rates{};           ///< in place of `lr` where models have rates of their own
  ByModel losses{};          ///< in place of `loss` where several models minimise one
};

/// One stretch that has just been done, evaluation included: an epoch, or the steps between two evaluations.
struct StretchReport {
  Position position;  ///< `epoch` counts finished epochs
  double lr = 0;      ///< of its last step
  metrics::Figures train;
  std::optional<Evaluation> evaluation;
  double seconds = 0;     ///< of training alone
  double per_second = 0;  ///< samples
  double wait_share = 0;  ///< of the seconds, waiting for data
  ByModel rates{};        ///< in place of `lr` where models have rates of their own
};

/// Stands beside the training loop. Hooks are told in the order in which they were given.
class Hook {
 public:
  virtual ~Hook() = default;
  virtual void on_start(const TrainingPlan&, const Position&) {}
  virtual void on_step(const StepReport&) {}
  virtual void on_evaluation(std::int64_t /*done*/, std::int64_t /*total*/) {}
  virtual void on_stretch(const StretchReport&) {}
  /// The training ends, finished or interrupted, at `position`.
  virtual void on_stop(const Position&, bool /*finished*/) {}
};

}  // namespace mlrun::engine
