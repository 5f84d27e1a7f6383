#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "config/bind.h"
#include "engine/evaluator.h"
#include "engine/task.h"
#include "report/html.h"

namespace mlrun::engine {

/// Samples of one split by class.
struct SplitCounts {
  std::string split;
  std::vector<std::int64_t> samples;  ///< in the order of the data set's classes
};

/// What a page shows of a run beside what the run recorded: its best weights applied to its data once more.
struct Evidence {
  std::vector<std::string> missing;  ///< what could not be had, and why: one sentence each
  std::optional<Evaluation> evaluation;
  std::string weights;  ///< that were evaluated, as `best`
  data::DataInfo data;  ///< as found now; no classes where the data are absent
  std::vector<SplitCounts> counts;
  std::vector<report::Thumbnail> hardest;   ///< misclassified samples, the highest loss first
  std::vector<report::Thumbnail> training;  ///< samples as training sees them in its first epoch
};

/// Loads the run's best weights, evaluates the test split (else val), looks at samples. What fails (no checkpoint, data
/// that are absent) goes to `missing`.
Evidence gather_evidence(const TaskFactory& tasks, const config::Resolved& resolved, const std::filesystem::path& run,
                         bool progress);

}  // namespace mlrun::engine
