#include "engine/apply/calibrate_session.h"

#include <algorithm>
#include <vector>

#include <torch/types.h>
#include <torch/utils.h>

#include "base/error.h"
#include "base/output_place.h"
#include "base/temporary.h"
#include "engine/run/model_state.h"
#include "engine/run/weights_metadata.h"
#include "engine/train/progress.h"
#include "models/heads.h"
#include "report/format.h"
#include "weights/safetensors.h"

namespace mlrun::engine {
namespace {

constexpr double kTolerance = 1e-4;  // of the largest output

/// Rows of all batches that say something.
struct Gathered {
  std::vector<torch::Tensor> logits, labels;

  void add(const ClassScores& scores) {
    const torch::Tensor rows = scores.logits.detach().to(torch::kCPU, torch::kFloat);
    const torch::Tensor said = ~rows.isnan().any(1) & rows.amax(1).isfinite();
    const torch::Tensor kept = said.nonzero().squeeze(1);
    logits.push_back(rows.index_select(0, kept));
    labels.push_back(scores.labels.to(torch::kCPU).index_select(0, kept));
  }
};

void check_target(const CalibrateRequest& request) {
  if (!request.force && replaces(request.out)) {
    throw file_error(request.out.string(), "exists already", "add --force to replace it, or choose another name");
  }
}

ClassScores scores_of(const Task& task, const data::Batch& batch, const data::Fields& prediction) {
  if (auto scores = task.class_scores(batch, prediction)) return *scores;
  throw UserError("this task does not choose among classes, so that there is no temperature",
                  "calibrate a model that chooses among classes");
}

Evaluation run_split(Loaded& loaded, const CalibrateRequest& request,
                     const std::function<void(const ClassScores&)>& see) {
  Progress progress(stderr_is_terminal(), request.resolved.recipe.train.log_every.value);
  EvaluateOptions options = evaluate_options(request.resolved.recipe);
  if (request.progress) {
    progress.on_start({}, {});
    options.progress = [&progress](std::int64_t done, std::int64_t total) { progress.on_evaluation(done, total); };
  }
  options.observe = [&](const data::Batch& batch, const data::Fields& prediction) {
    see(scores_of(*loaded.task, batch, prediction));
  };
  Evaluation evaluation = evaluate(*loaded.task, request.split, loaded.context, options);
  progress.on_stop({}, true);
  return evaluation;
}

/// Divides what the last layers put out.
void divide_heads(nn::Layer& model, double temperature) {
  const torch::NoGradGuard no_gradients;
  const auto heads = models::head_layers(model);
  for (nn::Layer* layer : model.all_layers()) {
    if (std::find(heads.begin(), heads.end(), layer->path()) == heads.end()) continue;
    for (auto& parameter : layer->parameters(/*recurse=*/false)) parameter.div_(temperature);
  }
}

/// UserError where `now` is not `before` divided by the temperature.
void check_divided(const torch::Tensor& before, const torch::Tensor& now, double temperature) {
  const torch::Tensor expected = before / temperature;
  if (torch::allclose(now, expected, /*rtol=*/0, kTolerance * expected.abs().max().item<double>())) return;
  throw UserError("the outputs of this model do not follow its last layer, so that no temperature can be kept in it",
                  "calibrate a model whose last layer gives the scores of the classes");
}

void write_calibrated(const Loaded& loaded, const CalibrateRequest& request, double temperature) {
  weights::Metadata metadata = weights_metadata(*loaded.task, request.resolved);
  metadata["temperature"] = report::shortest(temperature);
  metadata["calibrated_from"] = loaded.weights;
  weights::NamedTensors tensors;
  for (const auto& [name, tensor] : model_tensors(loaded.task->models())) {
    tensors.emplace_back(name, tensor.detach().cpu());
  }
  remove_leftovers_of(request.out);
  weights::write_safetensors(request.out, tensors, metadata);
}

}  // namespace

CalibrateResult calibrate(const TaskFactory& tasks, const CalibrateRequest& request) {
  check_target(request);
  Loaded loaded = load(tasks, request.resolved, request.weights);
  if (loaded.task->models().size() != 1) {
    throw UserError("this task has several models, so that there is no one temperature",
                    "calibrate a model that chooses among classes");
  }
  CalibrateResult result;
  Gathered gathered, again;
  result.before = run_split(loaded, request, [&](const ClassScores& scores) { gathered.add(scores); });
  const torch::Tensor logits = torch::cat(gathered.logits);
  if (logits.size(0) == 0) throw UserError(spoilt_text(result.before), "take other weights");
  result.temperature = metrics::fit_temperature(logits, torch::cat(gathered.labels));
  divide_heads(*loaded.task->models().front().second, result.temperature.value);
  result.after = run_split(loaded, request, [&](const ClassScores& scores) { again.add(scores); });
  check_divided(logits, torch::cat(again.logits), result.temperature.value);
  write_calibrated(loaded, request, result.temperature.value);
  result.data = loaded.task->data().name;
  result.weights = loaded.weights;
  return result;
}

}  // namespace mlrun::engine
