#pragma once

#include <cstdint>
#include <optional>

#include "data/fields.h"
#include "data/state.h"

namespace mlrun::engine {

/// One micro-batch and its place in an optimizer step.
struct MicroBatch {
  data::Batch batch;
  std::int64_t number = 0;        ///< within its step, from 0
  std::int64_t step_samples = 0;  ///< samples of the whole step, skipped ones included
  bool last = false;              ///< the step's last micro-batch
};

/// Where a training's micro-batches come from. What it keeps between steps (the state of an environment, a replay
/// buffer) is saved with the training's state and taken up by resume: the same micro-batches must then follow.
class Feed : public data::Stateful {
 public:
  /// The next one; nothing where an epoch is over. One without epochs never ends.
  virtual std::optional<MicroBatch> next() = 0;
  /// What the task learnt of micro-batches that it gave (`Step::feedback`), which the task names by their fields.
  virtual void feedback(const data::Fields& /*learnt*/) {}
  /// Seconds spent waiting for data so far.
  virtual double waited() const { return 0; }
};

}  // namespace mlrun::engine
