#include "engine/train/check.h"

#include <algorithm>
#include <memory>
#include <set>

#include <torch/types.h>
#include <torch/utils.h>

#include "base/error.h"
#include "engine/average/averager.h"
#include "engine/feed.h"
#include "engine/read_batch.h"
#include "engine/run/initial_weights.h"
#include "engine/run/model_state.h"
#include "engine/train/early_stopping.h"
#include "engine/train/freeze.h"
#include "engine/train/lone_sample.h"
#include "engine/train/model_rates.h"
#include "engine/train/rate_curve.h"
#include "engine/train/selection.h"
#include "optim/groups.h"
#include "optim/optimizer.h"

namespace mlrun::engine {
namespace {

/// Whether `span` is measured in what the recipe's training is not: epochs whose steps only the data tell.
bool needs_data(const config::Span& span, const config::Recipe& recipe) {
  const auto& length = recipe.train.length;
  const bool in_steps = length && length->unit == config::Span::Unit::Steps;
  const auto other = in_steps ? config::Span::Unit::Epochs : config::Span::Unit::Steps;
  return span.unit == other && span.value > 0;
}

void check_lengths(Task& task, const config::Recipe& recipe, const Context& context, const TrainingPlan& plan,
                   const Companion* companion) {
  const optim::ParameterGroups groups(task.models(), recipe.optimizer);  // its patterns are looked at
  const Averager averager(task, recipe, context, plan.horizon());
  const ModelRates rates(make_optimizers(task.models(), recipe, groups), recipe, plan.horizon(), averager.rate(),
                         averager.start_step());
  warn_of_rare_rates(recipe, plan);
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
  const bool own_feed = task->feed(context) != nullptr;
  const auto epochs = own_feed ? nullptr : std::make_unique<Epochs>(*task, recipe, training_source(*task));
  const TrainingPlan plan = own_feed ? feed_plan(recipe) : epochs->plan();
  check_lengths(*task, recipe, context, plan, accompanied.get());
  if (epochs && leaves_lone_sample(recipe.train, epochs->steps(0))) {
    draw_weights(task->models(), 0);
    check_lone_samples({*task, recipe, context, frozen, *epochs});
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
  const optim::Horizon horizon = training_length(recipe.train, kAssumedSteps).horizon();
  const auto averaging = optim::averagings().make(recipe.averaging.method, {recipe.train.batch_size, horizon.epochs()});
  const auto unknown = [&recipe](const std::optional<config::Span>& span) { return span && needs_data(*span, recipe); };
  const bool averages = averaging.average != nullptr;
  const bool steps = recipe.train.length && recipe.train.length->unit == config::Span::Unit::Steps;
  bool left_out = averages && (unknown(averaging.start) || (steps && unknown(averaging.every)));
  if (averages && !left_out) check_averaging(averaging, horizon);
  const config::RateSection& schedule = recipe.schedule;
  if (unknown(schedule.warmup) || unknown(schedule.noise.start) || unknown(schedule.noise.end)) {
    left_out = true;
  } else {
    const optim::LearningRate rate(schedule, /*base_lr=*/1, horizon);
  }
  if (left_out) check.not_looked_at.emplace_back(steps ? "lengths in epochs" : "lengths in steps");
  return check;
}

}  // namespace mlrun::engine
