#include "engine/apply_session.h"

#include <algorithm>

#include <torch/types.h>
#include <torch/utils.h>

#include "base/error.h"
#include "base/log.h"
#include "base/unicode.h"
#include "data/loader.h"
#include "engine/output_dump.h"
#include "engine/run/checkpoint.h"
#include "engine/run/run_directory.h"
#include "engine/train/progress.h"
#include "engine/train/skip_log.h"

namespace mlrun::engine {

namespace fs = std::filesystem;

namespace {

constexpr std::int64_t kPredictBatch = 1;  // files may differ in size

/// Reads the files of one batch; failures go to `failed`, by position in the batch.
data::Batch read_batch(const Task& task, const std::vector<fs::path>& files, std::size_t first, std::size_t last,
                       std::vector<Problem>& failed) {
  std::vector<data::Sample> samples;
  for (std::size_t i = first; i < last; ++i) {
    try {
      if (!is_utf8(files[i].string())) throw file_error(files[i].string(), "the name is not UTF-8 text", "rename it");
      samples.push_back(task.read(files[i]));
      samples.back().index = static_cast<std::int64_t>(i);
    } catch (const UserError& error) {
      for (const auto& problem : error.problems()) failed.push_back(problem);
    }
  }
  return samples.empty() ? data::Batch() : task.collate(std::move(samples));
}

/// What the model says of a batch of files; of outputs that are not finite there is nothing to say.
void add_answers(const Task& task, const data::Batch& batch, const data::Fields& prediction, std::int64_t most,
                 Predictions& result) {
  const auto spoilt = spoilt_samples(batch, prediction);
  for (std::int64_t row = 0; row < batch.size(); ++row) {
    const std::string& file = batch.ids[static_cast<std::size_t>(row)];
    if (std::find(spoilt.begin(), spoilt.end(), file) == spoilt.end()) {
      result.done.push_back({file, task.answers(prediction, row, most)});
    } else {
      result.failed.push_back({file, 0, 0, "", "the model's outputs for it are not finite",
                               "look at data.preprocess; `mlrun eval` tells whether other images fare so"});
    }
  }
}

/// Predicts one batch of one file. What the model cannot take, as an image of another size than its own, is told with
/// the file's name like an image that cannot be read.
void predict_batch(Loaded& loaded, data::Batch& batch, std::int64_t most, Predictions& result) {
  try {
    batch.inputs = place(batch.inputs, loaded.context);
    add_answers(*loaded.task, batch, loaded.task->predict(batch).to(torch::kCPU), most, result);
  } catch (const UserError& error) {
    for (Problem problem : error.problems()) {
      if (problem.file.empty()) problem.file = batch.ids.front();
      result.failed.push_back(std::move(problem));
    }
  }
}

/// Expectations know an average's figures by the prefix that they have in training.
metrics::Figures named_as_in_training(metrics::Figures figures, const std::string& weights) {
  return weights == "swa" || weights == "ema" ? report::prefixed(weights + "_", std::move(figures)) : figures;
}

}  // namespace

namespace {

/// Which average the run's training made, by the name that its figures and `--weights` have; empty: none.
std::string average_made(const fs::path& run) {
  const fs::path file = RunDirectory::open(run).recipe_file();
  if (!fs::exists(file)) return "";
  const config::Node recipe = config::read_yaml(file);
  const config::Node* averaging = recipe.find("averaging");
  const config::Node* name = averaging != nullptr ? averaging->find("name") : nullptr;
  if (name == nullptr || name->scalar == "none") return "";
  return name->scalar == "ema" ? "ema" : "swa";  // swag's mean is swa's
}

WeightChoice choose_average(const fs::path& run, const std::string& choice) {
  const fs::path averaged = averaged_weights(run);
  if (averaged.empty()) {
    throw file_error(run.string(), "has no averaged weights", "train with `averaging`, or choose best or last");
  }
  const std::string made = average_made(run);
  if (made == choice || made.empty()) return {choice, averaged};
  throw file_error(run.string(), "has no " + choice + " weights: its training averaged by " + made,
                   "choose --weights " + made);
}

}  // namespace

fs::path averaged_weights(const fs::path& run) {
  const Json best = RunDirectory::open(run).info().value("best", Json());
  const std::string metric = best.is_object() ? best.value("metric", "") : "";
  const bool chosen = metric.find("/swa_") != std::string::npos || metric.find("/ema_") != std::string::npos;
  const fs::path file = run / "checkpoints" / (chosen ? "best" : "last") / "averaged.safetensors";
  return fs::exists(file) ? file : fs::path();
}

WeightChoice choose_weights(const fs::path& run, const std::string& choice) {
  if (fs::is_regular_file(choice)) return {fs::path(choice).filename().string(), choice};
  const fs::path folder = run / "checkpoints";
  if (choice == "swa" || choice == "ema") return choose_average(run, choice);
  const std::string name = choice.empty() ? (fs::exists(folder / "best") ? "best" : "last") : choice;
  const fs::path file = folder / name / "model.safetensors";
  if (fs::exists(file)) return {name, file};
  std::string known;
  for (const auto& path : list_checkpoints(folder)) known += " " + path.filename().string();
  if (known.empty()) throw file_error(run.string(), "has no checkpoint yet", "let the training save one first");
  throw file_error(run.string(), "has no weights '" + name + "'", "choose best, last, a file or one of:" + known);
}

Loaded prepare(const TaskFactory& tasks, const config::Resolved& resolved, const WeightSource& weights) {
  Loaded loaded;
  loaded.context = make_context(resolved.recipe.train);
  loaded.task = tasks.make(resolved.recipe.task.kind, TaskRequest{resolved.recipe, weights.known()});
  return loaded;
}

Loaded load(const TaskFactory& tasks, const config::Resolved& resolved, const WeightChoice& weights) {
  const auto source = file_weights(resolved, weights);
  Loaded loaded = prepare(tasks, resolved, *source);
  loaded.weights = weights.name;
  source->apply(*loaded.task, loaded.context, 0, 0);
  return loaded;
}

data::Split choose_split(Task& task, std::optional<data::Split> wanted) {
  if (wanted) return *wanted;
  return task.source(data::Split::Test) ? data::Split::Test : data::Split::Val;
}

void warn_of_other_data(const Task& task, const std::string& trained_on, const config::Recipe& recipe) {
  const config::SplitOptions& division = recipe.data.split;
  if (task.data().fingerprint == trained_on || (!division.val && !division.test)) return;
  log::warning(recipe.data.root.string() +
               ": these are not the data that the weights were trained on (files were added, removed or changed): a "
               "split drawn by seed may hold samples of the training");
}

EvalResult evaluate_loaded(Loaded& loaded, const config::Resolved& resolved, const EvalRequest& request) {
  Task& task = *loaded.task;
  Progress progress(stderr_is_terminal(), resolved.recipe.train.log_every.value);
  OutputDump dump;
  const std::string trained_on = task.data().fingerprint;
  EvaluateOptions options = evaluate_options(resolved.recipe);
  options.warn_of_spoilt = request.warn_of_spoilt;
  if (request.progress) {
    progress.on_start({}, {});
    options.progress = [&progress](std::int64_t done, std::int64_t total) { progress.on_evaluation(done, total); };
  }
  if (!request.dump_outputs.empty()) {
    options.observe = [&dump](const data::Batch& batch, const data::Fields& prediction) {
      dump.add(batch, prediction);
    };
  }
  EvalResult result;
  result.evaluation = evaluate(task, choose_split(task, request.split), loaded.context, options);
  progress.on_stop({}, true);
  if (!request.dump_outputs.empty()) dump.write(request.dump_outputs);
  const Evaluation& evaluation = result.evaluation;
  SkipLog().add(data::split_name(evaluation.split), evaluation.skipped);
  warn_of_other_data(task, trained_on, resolved.recipe);
  const Measured measured{data::split_name(evaluation.split),
                          task.data().name,
                          task.data().fingerprint,
                          loaded.weights,
                          evaluation.evaluated,
                          evaluation.total - evaluation.evaluated,
                          named_as_in_training(evaluation.figures, loaded.weights)};
  result.verdicts = compare(resolved.recipe.expect, {measured});
  return result;
}

Predictions predict_files(Loaded& loaded, const std::vector<fs::path>& files, std::int64_t most,
                          const std::function<void(std::int64_t done)>& progress) {
  const torch::NoGradGuard no_gradients;
  const auto count = static_cast<std::int64_t>(files.size());
  const std::int64_t batches = (count + kPredictBatch - 1) / kPredictBatch;
  std::vector<std::vector<Problem>> failed(static_cast<std::size_t>(batches));
  const auto make = [&](std::int64_t number) {
    const auto first = static_cast<std::size_t>(number * kPredictBatch);
    const auto last = std::min(files.size(), first + static_cast<std::size_t>(kPredictBatch));
    return read_batch(*loaded.task, files, first, last, failed[static_cast<std::size_t>(number)]);
  };
  data::Loader loader(0, batches, make, {loaded.context.workers, 2});
  Predictions result;
  std::int64_t number = 0;
  while (auto batch = loader.next()) {
    if (batch->size() > 0) predict_batch(loaded, *batch, most, result);
    for (auto& problem : failed[static_cast<std::size_t>(number)]) result.failed.push_back(std::move(problem));
    progress(std::min(count, ++number * kPredictBatch));
  }
  return result;
}

}  // namespace mlrun::engine
