#include "engine/apply/apply_session.h"

#include "base/error.h"
#include "base/log.h"
#include "engine/apply/output_dump.h"
#include "engine/apply/results_session.h"
#include "engine/exhibition.h"
#include "engine/run/checkpoint.h"
#include "engine/run/run_directory.h"
#include "engine/train/progress.h"
#include "engine/train/skip_log.h"

namespace mlrun::engine {

namespace fs = std::filesystem;

namespace {

/// Expectations know an average's figures by the prefix that they have in training.
metrics::Figures named_as_in_training(metrics::Figures figures, const std::string& weights) {
  return weights == "swa" || weights == "ema" ? report::prefixed(weights + "_", std::move(figures)) : figures;
}

}  // namespace

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
  std::unique_ptr<ResultWriter> results;
  if (!request.results_out.empty()) results = write_split_results(task, request.results_out, "--results-out");
  EvalResult result;
  if (request.list_samples) result.samples = SampleList(task);
  options.observe = [&](const data::Batch& batch, const data::Fields& prediction) {
    if (!request.dump_outputs.empty()) dump.add(batch, prediction);
    if (request.list_samples) result.samples.add(task, batch, prediction);
    for (std::int64_t row = 0; results && row < batch.size(); ++row) results->add({batch, prediction, row});
    if (request.exhibition != nullptr) request.exhibition->see(batch, prediction);
  };
  result.evaluation = evaluate(task, choose_split(task, request.split), loaded.context, options);
  progress.on_stop({}, true);
  if (!request.dump_outputs.empty()) dump.write(request.dump_outputs);
  if (results) results->commit();
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

}  // namespace mlrun::engine
