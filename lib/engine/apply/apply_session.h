#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "config/bind.h"
#include "engine/apply/sample_list.h"
#include "engine/average/weight_source.h"
#include "engine/context.h"
#include "engine/evaluator.h"
#include "engine/expect.h"
#include "engine/run/weight_choice.h"
#include "engine/task.h"

namespace mlrun::engine {

class Exhibition;

/// A task with weights, ready to be applied.
struct Loaded {
  std::unique_ptr<Task> task;
  Context context;
  std::string weights;
};

/// The task for the data that `weights` were trained on, its models without weights yet.
Loaded prepare(const TaskFactory& tasks, const config::Resolved& resolved, const WeightSource& weights);

/// Builds the task for the data its weights were trained on and loads them. A checkpoint is verified.
Loaded load(const TaskFactory& tasks, const config::Resolved& resolved, const WeightChoice& weights);

struct EvalRequest {
  std::optional<data::Split> split;  ///< test, or val where there is no test split
  bool progress = true;
  std::filesystem::path dump_outputs;  ///< safetensors with outputs, targets, index; empty: none
  bool warn_of_spoilt = true;          ///< see EvaluateOptions
  bool list_samples = false;
  std::filesystem::path results_out{};  ///< what was found, in the task's own form; empty: none
  Exhibition* exhibition = nullptr;     ///< sees what is evaluated
};

struct EvalResult {
  Evaluation evaluation;
  SampleList samples;  ///< where they were wanted
  std::vector<Verdict> verdicts;
};

/// The split of an evaluation: `wanted`, else test, or val where there is no test split.
data::Split choose_split(Task& task, std::optional<data::Split> wanted);

/// Warns where the task's data, whose splits are drawn by seed, are not those of `trained_on`.
void warn_of_other_data(const Task& task, const std::string& trained_on, const config::Recipe& recipe);

EvalResult evaluate_loaded(Loaded& loaded, const config::Resolved& resolved, const EvalRequest& request);

}  // namespace mlrun::engine
