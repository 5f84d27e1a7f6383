#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/bind.h"
#include "engine/evaluator.h"
#include "engine/task.h"
#include "report/exhibit.h"

namespace mlrun::engine {

class Exhibition;

/// What a page shows of a run beside what the run recorded: its best weights applied to its data once more.
struct Evidence {
  std::vector<std::string> missing;  ///< what could not be had, and why: one sentence each
  std::optional<Evaluation> evaluation;
  std::string weights;                    ///< that were evaluated, as `best`
  bool of_file = false;                   ///< or a file of results, of that name
  std::vector<report::Section> findings;  ///< what the evaluation has shown, as the task sees it
  report::Thumbnails training;            ///< samples as training sees them in its first epoch
  std::string fingerprint;                ///< of the data as found now; empty where they are absent
  std::vector<std::pair<std::string, std::string>> data_facts;  ///< name, fingerprint, and what the task says
  std::vector<report::Exhibit> data_exhibits;
};

/// Loads the run's best weights, evaluates the test split (else val), looks at samples. What fails (no checkpoint, data
/// that are absent) goes to `missing`.
Evidence gather_evidence(const TaskFactory& tasks, const config::Resolved& resolved, const std::filesystem::path& run,
                         bool progress);

/// What a page shows of an evaluation of `weights` (`of_file`: of a file of results) that `exhibition`, which may be
/// null, has seen.
Evidence evidence_of(Task& task, const Evaluation& evaluation, const std::string& weights, bool of_file,
                     Exhibition* exhibition);

}  // namespace mlrun::engine
