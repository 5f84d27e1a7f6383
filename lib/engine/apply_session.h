#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/bind.h"
#include "engine/average/weight_source.h"
#include "engine/context.h"
#include "engine/evaluator.h"
#include "engine/expect.h"
#include "engine/task.h"

namespace mlrun::engine {

/// The averaged weights of a run: those of `best` where an average's figure chose it, else those of
/// `last`; empty where there are none.
std::filesystem::path averaged_weights(const std::filesystem::path& run);

/// The weights `choice` of a run: `best` (else `last`), `last`, `swa` or `ema` (the average that
/// training made; the other is refused), a checkpoint's name, or a file. UserError that lists the checkpoints there
/// are.
WeightChoice choose_weights(const std::filesystem::path& run, const std::string& choice);

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
};

struct EvalResult {
  Evaluation evaluation;
  std::vector<Verdict> verdicts;
};

/// The split of an evaluation: `wanted`, else test, or val where there is no test split.
data::Split choose_split(Task& task, std::optional<data::Split> wanted);

/// Warns where the task's data, whose splits are drawn by seed, are not those of `trained_on`.
void warn_of_other_data(const Task& task, const std::string& trained_on, const config::Recipe& recipe);

EvalResult evaluate_loaded(Loaded& loaded, const config::Resolved& resolved, const EvalRequest& request);

/// What the model says of one file.
struct Prediction {
  std::string file;
  Json answers;
};

struct Predictions {
  std::vector<Prediction> done;  ///< in the order of the files
  std::vector<Problem> failed;   ///< files that could not be read, or that the model says nothing of
};

/// Applies the model to files; one that cannot be read is reported and the others go on.
Predictions predict_files(Loaded& loaded, const std::vector<std::filesystem::path>& files, std::int64_t most,
                          const std::function<void(std::int64_t done)>& progress);

}  // namespace mlrun::engine
