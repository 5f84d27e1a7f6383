#include "engine/train/epochs.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "base/error.h"

namespace mlrun::engine {

std::shared_ptr<const data::Source> training_source(Task& task) {
  auto source = task.source(data::Split::Train);
  if (source && source->size() > 0) return source;
  throw UserError("the data set '" + task.data().name + "' has no train samples", "give data.split.train a share");
}

namespace {

bool in_whole_epochs(const config::Span& span) {
  return span.unit == config::Span::Unit::Epochs && span.value == std::floor(span.value);
}

data::BatchingRequest batching_request(const config::Recipe& recipe, std::shared_ptr<const data::Source> source,
                                       std::int64_t drawn) {
  return {std::move(source), drawn, recipe.train.batch_size, recipe.data.drop_last};
}

TrainingPlan planned(const config::Recipe& recipe, std::int64_t drawn, std::int64_t steps) {
  if (steps > 0 || drawn == 0) return training_length(recipe.train, steps);
  throw UserError(Problem{"", 0, 0, recipe.data.drop_last ? "data.drop_last" : "data.batching",
                          "leaves nothing to train on: an epoch has " + std::to_string(drawn) +
                              " samples, and a step takes " + std::to_string(recipe.train.batch_size),
                          "lower train.batch_size, or " +
                              std::string(recipe.data.drop_last ? "set it to false" : "choose another batching")});
}

}  // namespace

TrainingPlan training_length(const config::TrainSection& train, std::int64_t steps_per_epoch) {
  TrainingPlan plan;
  plan.steps_per_epoch = steps_per_epoch;
  const bool whole = train.epochs || in_whole_epochs(*train.length);
  plan.epochs = train.epochs ? *train.epochs : whole ? std::llround(train.length->value) : 0;
  if (whole || steps_per_epoch == 0) return plan;
  plan.length = std::max<std::int64_t>(1, optim::span_steps(*train.length, {steps_per_epoch, 1}, "train.length"));
  plan.epochs = (*plan.length + steps_per_epoch - 1) / steps_per_epoch;
  if (in_whole_epochs(train.evaluate)) return plan;
  const std::int64_t every = optim::span_steps(train.evaluate, plan.horizon(), "train.evaluate");
  if (every > 0) plan.stretch = every;
  return plan;
}

TrainingPlan training_plan(const config::Recipe& recipe, std::int64_t drawn) {
  const auto& in_order = data::batchings();
  const auto batching = in_order.make(in_order.defaults(data::kInOrder), batching_request(recipe, nullptr, drawn));
  TrainingPlan plan = planned(recipe, drawn, batching->steps());
  plan.samples = recipe.data.drop_last ? plan.steps_per_epoch * recipe.train.batch_size : drawn;
  return plan;
}

TrainingPlan feed_plan(const config::Recipe& recipe) {
  const auto& length = recipe.train.length;
  if (length && length->unit == config::Span::Unit::Steps) {
    return training_length(recipe.train, std::llround(length->value));
  }
  throw UserError(Problem{"", 0, 0, length ? "train.length" : "train.epochs",
                          "the samples of this task come without epochs", "give train.length in steps"});
}

Epochs::Epochs(const Task& task, const config::Recipe& recipe, std::shared_ptr<const data::Source> source)
    : recipe_(recipe),
      source_(std::move(source)),
      sampler_(data::samplers().make(recipe.data.sampler, data::SamplerRequest{source_, task.data().classes})),
      batching_(data::batchings().make(recipe.data.batching, batching_request(recipe, source_, sampler_->size()))) {}

TrainingPlan Epochs::plan() const {
  TrainingPlan plan = planned(recipe_, sampler_->size(), batching_->steps());
  plan.samples = static_cast<std::int64_t>(steps(0).samples.size());
  return plan;
}

data::Steps Epochs::steps(std::int64_t epoch) const {
  const auto seed = static_cast<std::uint64_t>(recipe_.train.seed);
  return batching_->put_together(sampler_->order(seed, epoch), seed, epoch);
}

}  // namespace mlrun::engine
