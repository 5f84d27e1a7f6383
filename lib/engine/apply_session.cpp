#include "engine/apply_session.h"

#include <algorithm>

#include <torch/torch.h>

#include "base/error.h"
#include "base/log.h"
#include "data/loader.h"
#include "engine/checkpoint.h"
#include "engine/initial_weights.h"
#include "engine/model_state.h"
#include "engine/progress.h"
#include "engine/run_directory.h"
#include "engine/skip_log.h"

namespace mlrun::engine {

namespace fs = std::filesystem;

namespace {

constexpr std::int64_t kPredictBatch = 1;  // files may differ in size

data::Split choose_split(Task& task, std::optional<data::Split> wanted) {
  if (wanted) return *wanted;
  return task.source(data::Split::Test) ? data::Split::Test : data::Split::Val;
}

/// Collects a split's outputs for --dump-outputs.
class OutputDump {
 public:
  void add(const data::Batch& batch, const data::Fields& prediction) {
    outputs_.push_back(std::get<torch::Tensor>(prediction.begin()->second).to(torch::kFloat));
    targets_.push_back(std::get<torch::Tensor>(batch.targets.begin()->second));
    for (std::size_t i = 0; i < batch.ids.size(); ++i) {
      indices_.push_back(batch.indices[i]);
      ids_.push_back(batch.ids[i]);
    }
  }

  void write(const fs::path& file) const {
    weights::write_safetensors(file,
                               {{"outputs", torch::cat(outputs_)},
                                {"targets", torch::cat(targets_)},
                                {"index", torch::tensor(indices_, torch::kLong)}},
                               {{"sample_ids", json_text(ids_)}});
  }

 private:
  std::vector<torch::Tensor> outputs_, targets_;
  std::vector<std::int64_t> indices_;
  Json ids_ = Json::array();
};

/// Reads the files of one batch; failures go to `failed`, by position in the batch.
data::Batch read_batch(const Task& task, const std::vector<fs::path>& files, std::size_t first, std::size_t last,
                       std::vector<Problem>& failed) {
  std::vector<data::Sample> samples;
  for (std::size_t i = first; i < last; ++i) {
    try {
      samples.push_back(task.read(files[i]));
      samples.back().index = static_cast<std::int64_t>(i);
    } catch (const UserError& error) {
      for (const auto& problem : error.problems()) failed.push_back(problem);
    }
  }
  return samples.empty() ? data::Batch() : task.collate(std::move(samples));
}

/// What mlrun wrote carries the recipe; all else is brought to the model as `model.weights` is.
bool is_ours(const fs::path& file) {
  if (file.extension() != ".safetensors") return false;
  return weights::read_safetensors_header(file).metadata.count("recipe") != 0;
}

/// The recipe with these weights to start from. Where they are its own, it also says how to load them.
config::Resolved with_weights(const config::Resolved& resolved, const fs::path& file) {
  config::Resolved other = resolved;
  config::ModelSection& model = other.recipe.model;
  if (model.weights.file == file) return other;
  model.weights = {};
  model.weights.file = file;
  model.head = "keep";
  return other;
}

void load_foreign(Task& task, const config::Recipe& recipe) {
  const config::WeightsSection& how = recipe.model.weights;
  const bool whole = how.strict && how.skip.empty() && how.head == "keep" && recipe.model.head == "keep";
  for (const auto& model : task.models()) {  // what the file does not fill
    if (!whole) nn::initialise(*model.second, static_cast<std::uint64_t>(recipe.train.seed));
  }
  apply_initial_weights(task, recipe);
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
  if (choice == "swa" || choice == "ema") {
    const fs::path averaged = averaged_weights(run);
    if (!averaged.empty()) return {choice, averaged};
    throw file_error(run.string(), "has no averaged weights", "train with `averaging`, or choose best or last");
  }
  const std::string name = choice.empty() ? (fs::exists(folder / "best") ? "best" : "last") : choice;
  const fs::path file = folder / name / "model.safetensors";
  if (fs::exists(file)) return {name, file};
  std::string known;
  for (const auto& path : list_checkpoints(folder)) known += " " + path.filename().string();
  if (known.empty()) throw file_error(run.string(), "has no checkpoint yet", "let the training save one first");
  throw file_error(run.string(), "has no weights '" + name + "'", "choose best, last, a file or one of:" + known);
}

Loaded load(const TaskFactory& tasks, const config::Resolved& resolved, const WeightChoice& weights) {
  if (fs::exists(weights.file.parent_path() / "manifest.json")) verify_checkpoint(weights.file.parent_path());
  const bool ours = is_ours(weights.file);
  weights::Safetensors content;
  if (ours) {
    content = weights::read_safetensors(weights.file);
  } else {
    check_initial_weights(with_weights(resolved, weights.file));
  }
  std::optional<data::DataInfo> known;
  if (const auto info = content.metadata.find("data"); info != content.metadata.end()) {
    known = data_info(Json::parse(info->second, nullptr, /*allow_exceptions=*/false));
  }
  Loaded loaded;
  loaded.context = make_context(resolved.recipe.train);
  loaded.weights = weights.name;
  loaded.task = tasks.make(resolved.recipe.task.kind, TaskRequest{resolved.recipe, known});
  if (ours) load_model_tensors(loaded.task->models(), content.tensors, weights.file.string());
  else load_foreign(*loaded.task, with_weights(resolved, weights.file).recipe);
  for (const auto& model : loaded.task->models()) {
    place(*model.second, loaded.context);
    model.second->eval();
  }
  return loaded;
}

EvalResult evaluate_loaded(Loaded& loaded, const config::Resolved& resolved, const EvalRequest& request) {
  Task& task = *loaded.task;
  Progress progress(stderr_is_terminal(), resolved.recipe.train.log_every.value);
  OutputDump dump;
  const std::string trained_on = task.data().fingerprint;
  EvaluateOptions options = evaluate_options(resolved.recipe);
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
  const config::SplitOptions& division = resolved.recipe.data.split;
  if (task.data().fingerprint != trained_on && (division.val || division.test)) {
    log::warning(resolved.recipe.data.root.string() +
                 ": these are not the data that the weights were trained on (files were added, removed or changed): a "
                 "split drawn by seed may hold samples of the training");
  }
  const Measured measured{data::split_name(evaluation.split),
                          task.data().name,
                          task.data().fingerprint,
                          loaded.weights,
                          evaluation.evaluated,
                          evaluation.total - evaluation.evaluated,
                          evaluation.figures};
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
    if (batch->size() > 0) {
      batch->inputs = place(batch->inputs, loaded.context);
      const data::Fields prediction = loaded.task->predict(*batch).to(torch::kCPU);
      for (std::int64_t row = 0; row < batch->size(); ++row) {
        result.done.push_back({batch->ids[static_cast<std::size_t>(row)], loaded.task->answers(prediction, row, most)});
      }
    }
    for (auto& problem : failed[static_cast<std::size_t>(number)]) result.failed.push_back(std::move(problem));
    progress(std::min(count, ++number * kPredictBatch));
  }
  return result;
}

}  // namespace mlrun::engine
