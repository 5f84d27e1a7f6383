#include "engine/rate_curve.h"

#include "base/error.h"
#include "engine/train/feed.h"
#include "optim/averaging_methods.h"
#include "optim/optimizer.h"

namespace mlrun::engine {
namespace {

/// The samples of the recipe's data; nothing, and why, where there is no telling.
std::optional<std::int64_t> opened_samples(const TaskFactory& tasks, const config::Recipe& recipe, std::string& why) {
  try {
    const auto task = tasks.make(recipe.task.kind, TaskRequest{recipe, std::nullopt});
    const auto source = task->source(data::Split::Train);
    if (source && source->size() > 0) return make_sampler(*task, recipe, source)->size();
    why = "there are no train samples";
  } catch (const UserError& error) {
    const Problem& problem = error.problems().front();
    why = (problem.key.empty() ? "" : problem.key + " ") + problem.message;
  }
  return std::nullopt;
}

}  // namespace

RateCurve rate_curve(const TaskFactory& tasks, const config::Recipe& recipe, std::optional<std::int64_t> samples) {
  RateCurve curve;
  std::string why;
  if (!samples) samples = opened_samples(tasks, recipe, why);
  curve.epochs = recipe.train.epochs;
  if (samples) {
    curve.steps_per_epoch = training_plan(recipe, *samples).steps_per_epoch;
  } else {
    curve.steps_per_epoch = kAssumedSteps;
    curve.assumption = "an epoch is taken to have " + std::to_string(kAssumedSteps) +
                       " steps, for the data cannot be opened (" + why + ")";
  }
  const optim::Horizon horizon{curve.steps_per_epoch, curve.steps_per_epoch * curve.epochs};
  const double base_lr = optim::optimizers().make(recipe.optimizer.method, optim::NamedTensors())->base_lr();
  const auto averaging =
      optim::averagings().make(recipe.averaging.method, {recipe.train.batch_size, recipe.train.epochs});
  const std::int64_t phase = averaging.rate ? optim::span_steps(averaging.start, horizon, "averaging.start") : 0;
  const optim::PhasedRate rate(recipe.schedule, base_lr, horizon, averaging.rate, phase,
                               static_cast<std::uint64_t>(recipe.train.seed));
  curve.rates.reserve(static_cast<std::size_t>(horizon.total_steps));
  for (std::int64_t step = 0; step < horizon.total_steps; ++step) curve.rates.push_back(rate.at(step));
  return curve;
}

}  // namespace mlrun::engine
