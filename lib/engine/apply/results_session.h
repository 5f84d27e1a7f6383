#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/bind.h"
#include "engine/apply/apply_session.h"
#include "engine/result_files.h"

namespace mlrun::engine {

class Exhibition;

/// The forms in which results of a task can be written: its own, and `csv`, which every task has.
std::vector<ResultForm> result_forms(const Task& task);

/// Begins to write in one of them; `csv` has a row for each of `Answer::records`.
std::unique_ptr<ResultWriter> write_results(const Task& task, const ResultTarget& target, const AnswerOptions& options);

/// What an evaluation writes in the task's first form. UserError that names `option` where the task has none.
std::unique_ptr<ResultWriter> write_split_results(const Task& task, const std::filesystem::path& file,
                                                  const std::string& option);

struct ResultsRequest {
  std::filesystem::path file;
  std::optional<data::Split> split;  ///< test, or val where there is no test split
  Exhibition* exhibition = nullptr;  ///< sees what is evaluated
};

/// Evaluates a file of results, whoever wrote it, as if the task's models had said what stands there: no image is
/// read, and no weights are wanted. UserError where the task knows no such files.
EvalResult evaluate_results(Task& task, const config::Resolved& resolved, const ResultsRequest& request);

}  // namespace mlrun::engine
