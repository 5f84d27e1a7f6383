#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "engine/run/runs.h"
#include "engine/sweep/plan.h"

namespace mlrun::engine {

/// Where a combination of a sweep stands.
struct SweepEntry {
  SweepCombination combination;
  std::int64_t index = 0;  ///< in the plan
  std::string state;       ///< `planned`, or the run's (see RunSummary)
  RunSummary run;          ///< of a planned one its path alone
  double seconds = 0;      ///< that its epochs took
};

SweepEntry sweep_entry(const std::filesystem::path& folder, const SweepPlan& plan, std::int64_t index);

/// All combinations in the plan's order.
std::vector<SweepEntry> sweep_status(const std::filesystem::path& folder, const SweepPlan& plan);

/// By the best value of the metric that chose each run's best weights, the best first; those without
/// one come last, in the plan's order.
void rank(std::vector<SweepEntry>& entries);

}  // namespace mlrun::engine
