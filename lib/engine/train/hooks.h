#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "engine/evaluator.h"
#include "metrics/metric.h"

namespace mlrun::engine {

/// Where a training stands: `step` optimizer steps are done, `step_in_epoch` of them in `epoch`.
struct Position {
  std::int64_t step = 0;
  std::int64_t epoch = 0;
  std::int64_t step_in_epoch = 0;
};

/// What a training will be.
struct Plan {
  std::int64_t epochs = 0;
  std::int64_t steps_per_epoch = 0;
  std::int64_t samples = 0;      ///< of an epoch, as the sampler counts them
  std::string unit = "samples";  ///< Task::unit
};

/// One optimizer step that has just been done.
struct StepReport {
  Position position;
  double lr = 0;
  double loss = 0;
  double grad_norm = 0;      ///< before clipping
  std::int64_t samples = 0;  ///< in this step
  double wait = 0;           ///< seconds spent waiting for data
};

/// One epoch that has just been done, evaluation included.
struct EpochReport {
  Position position;  ///< `epoch` counts finished epochs
  double lr = 0;      ///< of its last step
  metrics::Figures train;
  std::optional<Evaluation> evaluation;
  double seconds = 0;     ///< of training alone
  double per_second = 0;  ///< samples
  double wait_share = 0;  ///< of the seconds, waiting for data
};

/// Stands beside the training loop. Hooks are told in the order in which they were given.
class Hook {
 public:
  virtual ~Hook() = default;
  virtual void on_start(const Plan&, const Position&) {}
  virtual void on_step(const StepReport&) {}
  virtual void on_evaluation(std::int64_t /*done*/, std::int64_t /*total*/) {}
  virtual void on_epoch(const EpochReport&) {}
  /// The training ends, finished or interrupted, at `position`.
  virtual void on_stop(const Position&, bool /*finished*/) {}
};

}  // namespace mlrun::engine
