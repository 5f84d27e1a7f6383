#include "engine/train/rate_curve.h"

#include <set>

#include "base/error.h"
#include "engine/context.h"
#include "engine/train/epochs.h"
#include "engine/train/model_rates.h"
#include "optim/averaging_methods.h"
#include "optim/optimizer.h"

namespace mlrun::engine {
namespace {

/// The plan of the recipe with its data; nothing, and why, where there is no telling.
std::optional<TrainingPlan> opened_plan(const TaskFactory& tasks, const config::Recipe& recipe, std::string& why) {
  try {
    const auto task = tasks.make(recipe.task.kind, TaskRequest{recipe, std::nullopt});
    if (task->feed(Context())) return feed_plan(recipe);
    const auto source = task->source(data::Split::Train);
    if (source && source->size() > 0) return Epochs(*task, recipe, source).plan();
    why = "there are no train samples";
  } catch (const UserError& error) {
    const Problem& problem = error.problems().front();
    why = (problem.key.empty() ? "" : problem.key + " ") + problem.message;
  }
  return std::nullopt;
}

/// Optimizers without parameters: one of all models, without a name, and those that the recipe names.
Optimizers named_optimizers(const config::Recipe& recipe) {
  std::set<std::string> names = {""};
  for (const auto& item : recipe.optimizer.models) names.insert(item.first);
  for (const auto& item : recipe.schedule.models) names.insert(item.first);
  Optimizers optimizers;
  for (const auto& name : names) {
    optimizers[name] = optim::optimizers().make(optimizer_of(recipe, name), optim::NamedTensors());
  }
  return optimizers;
}

}  // namespace

RateCurve rate_curve(const TaskFactory& tasks, const config::Recipe& recipe, std::optional<std::int64_t> samples) {
  RateCurve curve;
  std::string why;
  const auto known = samples ? training_plan(recipe, *samples) : opened_plan(tasks, recipe, why);
  const TrainingPlan plan = known ? *known : training_length(recipe.train, kAssumedSteps);
  if (!known) {
    curve.assumption = "an epoch is taken to have " + std::to_string(kAssumedSteps) +
                       " steps, for the data cannot be opened (" + why + ")";
  }
  const optim::Horizon horizon = plan.horizon();
  curve.epochs = horizon.epochs();
  curve.steps_per_epoch = plan.steps_per_epoch;
  const auto averaging = optim::averagings().make(recipe.averaging.method, {recipe.train.batch_size, curve.epochs});
  const std::int64_t phase = averaging.rate ? optim::span_steps(averaging.start, horizon, "averaging.start") : 0;
  const ModelRates rates(named_optimizers(recipe), recipe, horizon, averaging.rate, phase);
  curve.rates.reserve(static_cast<std::size_t>(horizon.total_steps));
  for (std::int64_t step = 0; step < horizon.total_steps; ++step) {
    curve.rates.push_back(rates.shared().at(step));
    for (const auto& [model, rate] : rates.at(step)) curve.by_model[model].push_back(rate);
  }
  if (!curve.by_model.empty()) curve.by_model.erase(""), curve.by_model["others"] = curve.rates;
  return curve;
}

}  // namespace mlrun::engine
