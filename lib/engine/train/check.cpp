#include "engine/train/check.h"

#include <algorithm>
#include <set>

#include <torch/types.h>
#include <torch/utils.h>

#include "base/error.h"
#include "engine/average/averager.h"
#include "engine/rate_curve.h"
#include "engine/run/model_state.h"
#include "engine/train/early_stopping.h"
#include "engine/train/feed.h"
#include "engine/train/freeze.h"
#include "engine/train/initial_weights.h"
#include "engine/train/lone_sample.h"
#include "engine/train/selection.h"
#include "optim/groups.h"
#include "optim/optimizer.h"

namespace mlrun::engine {
namespace {

bool in_steps(const config::Span& span) { return span.unit == config::Span::Unit::Steps; }

/// The rate that an optimizer of the recipe begins with; its patterns of parameters are looked at.
double base_rate(const Task& task, const config::Recipe& recipe) {
  const optim::ParameterGroups groups(task.models(), recipe.optimizer);
  double rate = 0;
  for (const auto& model : task.models()) {
    rate = optim::optimizers().make(recipe.optimizer.method, groups.parameters(model.first))->base_lr();
  }
  return rate;
}

void check_lengths(Task& task, const config::Recipe& recipe, const Context& context, const Plan& plan,
                   const Companion* companion) {
  const optim::Horizon horizon{plan.steps_per_epoch, plan.steps_per_epoch * plan.epochs};
  const Averager averager(task, recipe, context, horizon);
  const optim::PhasedRate rate(recipe.schedule, base_rate(task, recipe), horizon, averager.rate(),
                               averager.start_step());
  const std::string selects = selecting_metric(task, recipe.train.select, averager, companion);
  const EarlyStopping stopping(recipe.train.early_stopping, selects, task);
}

/// Whether the shapes of a batch alone go through the models; false where sizes within them depend on numbers.
bool predicts_shapes(Task& task, data::Batch batch) {
  batch.inputs = batch.inputs.to(torch::kMeta);
  try {
    task.predict(batch);
    return true;
  } catch (const c10::Error&) {
    return false;
  }
}

/// Whether samples are of sizes that the models take: their shapes go through or, where that does not do, they
/// themselves, whatever the weights.
void check_shapes(Task& task, const config::Recipe& recipe) {
  const torch::NoGradGuard no_gradients;
  for (const auto& model : task.models()) model.second->eval();
  for (const auto& batch : some_samples(task, recipe)) {
    if (predicts_shapes(task, batch)) continue;
    draw_weights(task.models(), 0);
    task.predict(batch);
  }
}

data::Batch spread_samples(const Task& task, const data::Source& source, const config::Recipe& recipe) {
  const std::int64_t last = source.size() - 1;
  std::vector<data::SampleKey> keys;
  for (const std::int64_t index : std::set<std::int64_t>{0, last / 2, last}) {
    keys.push_back({index, 0, static_cast<std::uint64_t>(recipe.train.seed)});
  }
  return collate_read(task, data::read_samples(source, keys, data::on_error_of(recipe.data.on_error)));
}

}  // namespace

std::vector<data::Batch> some_samples(Task& task, const config::Recipe& recipe) {
  std::vector<data::Batch> batches;
  for (const auto split : {data::Split::Train, data::Split::Val, data::Split::Test}) {
    const auto source = split == data::Split::Train ? task.source(split) : task.evaluation_source(split);
    if (!source || source->size() == 0) continue;
    data::Batch batch = spread_samples(task, *source, recipe);
    if (batch.size() > 0) batches.push_back(std::move(batch));
  }
  return batches;
}

TrainingCheck check_training(const TaskFactory& tasks, const config::Resolved& resolved,
                             const MakeCompanion& companion) {
  const config::Recipe& recipe = resolved.recipe;
  check_initial_weights(resolved);
  const auto task = tasks.make(recipe.task.kind, TaskRequest{recipe, std::nullopt});
  const Context context;
  const auto accompanied = companion ? companion(*task, recipe, context) : nullptr;
  const FrozenStages frozen(task->models(), recipe.model.freeze);
  const auto source = training_source(*task);
  const Plan plan = training_plan(recipe, make_sampler(*task, recipe, source)->size());
  check_lengths(*task, recipe, context, plan, accompanied.get());
  if (leaves_lone_sample(recipe, plan.samples)) {
    draw_weights(task->models(), 0);
    check_lone_samples({*task, recipe, context, frozen, *source}, plan.samples);
  }
  apply_initial_weights(*task, recipe);
  check_shapes(*task, recipe);
  return {plan, {}};
}

TrainingCheck check_without_data(const config::Resolved& resolved) {
  const config::Recipe& recipe = resolved.recipe;
  check_initial_weights(resolved);
  TrainingCheck check;
  check.not_looked_at = {"the data, their classes and samples"};
  if (recipe.model.weights.file) check.not_looked_at.emplace_back("whether the given weights fit the model");
  const optim::Horizon horizon{kAssumedSteps, kAssumedSteps * recipe.train.epochs};
  const auto averaging =
      optim::averagings().make(recipe.averaging.method, {recipe.train.batch_size, recipe.train.epochs});
  const config::ScheduleSection& schedule = recipe.schedule;
  const auto noise_in_steps = [](const std::optional<config::Span>& span) { return span && in_steps(*span); };
  const bool averages = averaging.average != nullptr;
  bool steps = averages && in_steps(averaging.start);
  if (averages && !steps) check_averaging(averaging, horizon);
  if (in_steps(schedule.warmup) || noise_in_steps(schedule.noise.start) || noise_in_steps(schedule.noise.end)) {
    steps = true;
  } else {
    const optim::LearningRate rate(schedule, /*base_lr=*/1, horizon);
  }
  if (steps) check.not_looked_at.emplace_back("lengths in steps");
  return check;
}

}  // namespace mlrun::engine
