#pragma once

#include <cstdint>
#include <vector>

#include "config/bind.h"
#include "engine/context.h"
#include "engine/task.h"
#include "engine/train/companion.h"
#include "engine/train/hooks.h"
#include "optim/groups.h"

namespace mlrun::engine {

/// What a few steps tell of a training.
struct DryRun {
  std::int64_t parameters = 0;
  std::vector<optim::GroupSummary> groups;  ///< of the parameters, for the optimizer
  TrainingPlan plan;
  std::int64_t steps = 0;       ///< timed
  double seconds_per_step = 0;  ///< median
  double seconds_per_epoch = 0;
  double wait_share = 0;              ///< of the time, waiting for data
  std::int64_t peak_memory = 0;       ///< bytes, resident
  std::int64_t checkpoint_bytes = 0;  ///< of one checkpoint
  std::int64_t checkpoints = 0;       ///< kept at most at any time
  Context context;
};

/// Builds everything and runs a few steps; writes nothing.
DryRun dry_run(const TaskFactory& tasks, const config::Resolved& resolved, const MakeCompanion& companion = {});

}  // namespace mlrun::engine
