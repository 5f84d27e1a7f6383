#include "engine/average/session.h"

#include <algorithm>
#include <cmath>

#include <torch/types.h>

#include "base/error.h"
#include "base/log.h"
#include "base/output_place.h"
#include "base/temporary.h"
#include "engine/average/norm_renewal.h"
#include "engine/evaluator.h"
#include "engine/run/model_state.h"
#include "engine/run/run_directory.h"
#include "engine/run/weights_metadata.h"
#include "optim/averaging.h"
#include "report/figure.h"
#include "weights/finite.h"

namespace mlrun::engine {
namespace {

namespace fs = std::filesystem;

bool has_statistics(const weights::NamedTensors& tensors) {
  return std::any_of(tensors.begin(), tensors.end(),
                     [](const auto& item) { return optim::is_norm_statistic(item.first); });
}

void check_target(const fs::path& out) {
  if (replaces(out)) throw file_error(out.string(), "exists already", "choose another name for the average");
  const fs::path folder = out.has_parent_path() ? out.parent_path() : fs::path(".");
  if (!fs::is_directory(folder)) throw file_error(folder.string(), "is not a folder", "create it first");
}

/// The task that weights are applied with.
struct ScoringTask {
  ScoringTask(const TaskFactory& tasks, const config::Resolved& wanted, const weights::Metadata& metadata)
      : recipe(wanted.recipe), context(make_context(wanted.recipe.train)) {
    std::optional<data::DataInfo> known;
    if (const auto info = metadata.find("data"); info != metadata.end()) {
      known = data_info(parse_json(info->second));
    }
    task = tasks.make(recipe.task.kind, TaskRequest{recipe, known});
    for (const auto& model : task->models()) place(*model.second, context);
  }

  void put_in(const weights::NamedTensors& tensors, const std::string& name) {
    load_model_tensors(task->models(), tensors, name);
    for (const auto& model : task->models()) model.second->eval();
  }

  data::Split split() {
    const auto test = task->evaluation_source(data::Split::Test);
    return test && test->size() > 0 ? data::Split::Test : data::Split::Val;
  }

  metrics::Figures score() { return evaluate(*task, split(), context, evaluate_options(recipe)).figures; }

  const config::Recipe& recipe;
  Context context;
  std::unique_ptr<Task> task;
};

void renew(ScoringTask& bench, const AverageRequest& request) {
  RenewalRequest renewal;
  renewal.norms.samples = request.bn_samples;
  renewal.batch_size = bench.recipe.train.batch_size / bench.recipe.train.accumulate;
  renewal.seed = static_cast<std::uint64_t>(bench.recipe.train.seed);
  renewal.on_error = data::on_error_of(bench.recipe.data.on_error);
  renew_norms(*bench.task, bench.context, renewal);
}

void score_inputs(ScoringTask& bench, const AverageRequest& request, AverageOutcome& outcome) {
  for (const auto& input : request.inputs) {
    bench.put_in(weights::read_weights(input.file, input.entry).tensors, input.file.string());
    outcome.scores.push_back({input.file.string(), bench.score()});
  }
}

/// Trainings that began elsewhere end in valleys of their own, and the middle between them is a ridge.
void warn_of_seeds(const std::set<std::string>& seeds) {
  if (seeds.size() < 2) return;
  std::string text;
  for (const auto& seed : seeds) text += (text.empty() ? "" : ", ") + seed;
  log::warning("the inputs are of trainings that began with other weights (train.seed " + text +
               "): such an average mostly falls far below each of them; look with --eval, and average predictions "
               "instead with `mlrun eval RUN RUN --ensemble`");
}

/// Where the last score, the written average's, is worse than that of every input.
void warn_of_fall(const std::string& headline, const AverageRequest& request, const AverageOutcome& outcome) {
  const report::Figure* reached = report::find(outcome.scores.back().figures, headline);
  std::vector<report::Figure> inputs;
  for (std::size_t i = 0; i < request.inputs.size(); ++i) {
    if (const auto* input = report::find(outcome.scores[i].figures, headline)) inputs.push_back(*input);
  }
  if (reached == nullptr || inputs.size() < 2) return;
  const auto falls_below = [reached](const report::Figure& input) {
    return report::loss_of(*reached, input.value) > 0;
  };
  if (!std::all_of(inputs.begin(), inputs.end(), falls_below)) return;
  const auto [least, most] =
      std::minmax_element(inputs.begin(), inputs.end(), [](const auto& a, const auto& b) { return a.value < b.value; });
  log::warning("the average falls: its " + headline + " is " + report::value_text(*reached) +
               " where the inputs reach " + report::value_text(*least) + " to " + report::value_text(*most));
}

[[noreturn]] void no_recipe(const std::string& what) {
  throw UserError(what + " needs data, and there is no recipe that names them",
                  "name one with -c RECIPE, or leave batch norm's statistics averaged with --no-update-bn");
}

void check_average(const weights::NamedTensors& average) {
  const auto name = weights::first_not_finite(average);
  if (!name) return;
  throw UserError("the average is not finite: " + *name,
                  optim::is_norm_statistic(*name) ? "look at the training samples, which batch norm's statistics are "
                                                    "made of, or leave them averaged with --no-update-bn"
                                                  : "average fewer checkpoints, to find the one that spoils it");
}

/// Copies that outlive the models.
weights::NamedTensors detached(const weights::NamedTensors& tensors) {
  weights::NamedTensors copies;
  for (const auto& [name, tensor] : tensors) copies.emplace_back(name, tensor.detach().cpu().clone());
  return copies;
}

/// What whoever loads the average must know, where the inputs did not carry it.
void describe(const config::Resolved& resolved, const Task& task, weights::Metadata& metadata) {
  metadata.emplace("recipe", carried_recipe(resolved));
  metadata.emplace("data", json_text(to_json(task.data())));
  metadata.emplace("classes", json_text(task.data().classes));
}

}  // namespace

AverageOutcome average_to_file(const TaskFactory& tasks, const AverageRequest& request) {
  check_target(request.out);
  AveragedWeights average = average_files(request.inputs, request.ema_decay);
  check_average(average.tensors);
  warn_of_seeds(average.seeds);
  const bool renewing = request.update_bn && has_statistics(average.tensors);
  if (!request.resolved && renewing) no_recipe("making batch norm's statistics anew");
  if (!request.resolved && request.evaluate) no_recipe("--eval");
  AverageOutcome outcome;
  if (request.resolved && (renewing || request.evaluate)) {
    ScoringTask bench(tasks, *request.resolved, average.metadata);
    if (request.evaluate) {
      outcome.split = data::split_name(bench.split());
      score_inputs(bench, request, outcome);
    }
    bench.put_in(average.tensors, "the average");
    if (request.evaluate) outcome.scores.push_back({"average", bench.score()});
    if (renewing) {
      renew(bench, request);
      average.tensors = detached(model_tensors(bench.task->models()));
      check_average(average.tensors);
      average.metadata["batch_norm"] = "updated";
      if (request.evaluate) outcome.scores.push_back({"average, batch norm updated", bench.score()});
    }
    if (request.evaluate) warn_of_fall(bench.task->headline(), request, outcome);
    describe(*request.resolved, *bench.task, average.metadata);
    outcome.norms_renewed = renewing;
  }
  remove_leftovers_of(request.out);
  weights::write_safetensors(request.out, average.tensors, average.metadata);
  outcome.metadata = average.metadata;
  outcome.tensors = average.tensors.size();
  return outcome;
}

}  // namespace mlrun::engine
