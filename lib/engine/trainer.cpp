#include "engine/trainer.h"

#include <chrono>
#include <cmath>

#include "base/error.h"
#include "base/random.h"
#include "base/signals.h"
#include "base/torch_compat.h"

namespace mlrun::engine {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

/// So that dropout and the like depend on the micro-batch alone, never on what was drawn before.
void reseed(std::int64_t seed, std::int64_t step, std::int64_t number) {
  KeyedRandom random(static_cast<std::uint64_t>(seed), "micro-batch", static_cast<std::uint64_t>(step),
                     static_cast<std::uint64_t>(number));
  compat::manual_seed(random.bits64());
}

[[noreturn]] void diverged(std::int64_t step, const data::Batch& batch) {
  std::string ids;
  for (std::size_t i = 0; i < batch.ids.size() && i < 5; ++i) ids += (i == 0 ? "" : ", ") + batch.ids[i];
  if (batch.ids.size() > 5) ids += ", ...";
  throw UserError("the loss is not finite at step " + std::to_string(step + 1) + " (samples " + ids + ")",
                  "lower optimizer.lr, add a warm-up or train.clip_grad_norm, or look at these samples");
}

std::shared_ptr<const data::Source> training_source(Task& task) {
  auto source = task.source(data::Split::Train);
  if (source && source->size() > 0) return source;
  throw UserError("the data set '" + task.data().name + "' has no train samples", "give data.split.train a share");
}

}  // namespace

Trainer::Trainer(Task& task, const config::Recipe& recipe, const Context& context)
    : task_(task), recipe_(recipe), context_(context), source_(training_source(task)) {
  const config::TrainSection& train = recipe.train;
  plan_.epochs = train.epochs;
  plan_.samples = source_->size();
  plan_.steps_per_epoch = (plan_.samples + train.batch_size - 1) / train.batch_size;
  for (const auto& [name, model] : task.models()) {
    nn::initialise(*model, static_cast<std::uint64_t>(train.seed));
    place(*model, context);
    optim::NamedTensors parameters;
    for (const auto& parameter : model->named_parameters()) {
      parameters.emplace_back(parameter.key(), parameter.value());
    }
    optimizers_[name] = optim::optimizers().make(recipe.optimizer.method, std::move(parameters));
  }
  const double base_lr = optimizers_.begin()->second->base_lr();
  learning_rate_ = std::make_unique<optim::LearningRate>(
      recipe.schedule, base_lr, optim::Horizon{plan_.steps_per_epoch, plan_.steps_per_epoch * plan_.epochs});
  hands_ = std::make_unique<Hands>(task.models(), optimizers_, train.clip_grad_norm);
}

bool Trainer::run(const std::vector<Hook*>& hooks) {
  for (Hook* hook : hooks) hook->on_start(plan_, position_);
  const std::int64_t end = plan_.epochs * plan_.steps_per_epoch;
  while (position_.epoch < plan_.epochs) {
    const EpochOutcome outcome = train_epoch(hooks, end);
    if (!outcome.complete) break;
    finish_epoch(hooks, outcome);
    if (stop_signal() != 0) break;
  }
  const bool finished = position_.epoch == plan_.epochs;
  for (Hook* hook : hooks) hook->on_stop(position_, finished);
  return finished;
}

void Trainer::run_steps(std::int64_t steps, const std::vector<Hook*>& hooks) {
  train_epoch(hooks, position_.step + steps);
}

bool Trainer::stopping(std::int64_t until_step) const { return stop_signal() != 0 || position_.step >= until_step; }

Trainer::EpochOutcome Trainer::train_epoch(const std::vector<Hook*>& hooks, std::int64_t until_step) {
  const auto begin = Clock::now();
  for (const auto& model : task_.models()) model.second->train();
  EpochFeed feed(task_, *source_, recipe_.train, position_.epoch, position_.step_in_epoch, context_.workers);
  EpochOutcome outcome;
  while (auto micro = feed.next()) {
    outcome.lr = learning_rate_->at(position_.step);
    micro->batch.inputs = place(micro->batch.inputs, context_);
    micro->batch.targets = micro->batch.targets.to(context_.device);
    train_micro(*micro, outcome.lr);
    if (!micro->last) continue;
    ++position_.step;
    ++position_.step_in_epoch;
    outcome.samples += micro->step_samples;
    const StepReport report{position_, outcome.lr, hands_->loss(), micro->step_samples, feed.waited()};
    for (Hook* hook : hooks) hook->on_step(report);
    if (stopping(until_step)) break;
  }
  outcome.complete = position_.step_in_epoch == plan_.steps_per_epoch;
  outcome.seconds = seconds_since(begin);
  outcome.waited = feed.waited();
  return outcome;
}

void Trainer::train_micro(const MicroBatch& micro, double lr) {
  hands_->begin(lr, micro.batch.size(), micro.step_samples, micro.number, micro.last);
  reseed(recipe_.train.seed, position_.step, micro.number);
  task_.train(*hands_, micro.batch);
  if (!std::isfinite(hands_->loss())) diverged(position_.step, micro.batch);
}

bool Trainer::evaluation_due() const {
  if (!task_.source(data::Split::Val)) return false;
  if (position_.epoch == plan_.epochs) return true;
  const std::int64_t every = optim::span_steps(
      recipe_.train.evaluate, {plan_.steps_per_epoch, plan_.epochs * plan_.steps_per_epoch}, "train.evaluate");
  return every > 0 && position_.step / every != (position_.step - plan_.steps_per_epoch) / every;
}

void Trainer::finish_epoch(const std::vector<Hook*>& hooks, const EpochOutcome& outcome) {
  ++position_.epoch;
  position_.step_in_epoch = 0;
  EpochReport report;
  report.position = position_;
  report.lr = outcome.lr;
  report.train = hands_->figures().means();
  report.seconds = outcome.seconds;
  report.images_per_second = static_cast<double>(outcome.samples) / outcome.seconds;
  report.wait_share = outcome.waited / outcome.seconds;
  hands_->figures().clear();
  if (evaluation_due()) {
    EvaluateOptions options;
    options.batch_size = recipe_.train.batch_size / recipe_.train.accumulate;
    options.progress = [&hooks](std::int64_t done, std::int64_t total) {
      for (Hook* hook : hooks) hook->on_evaluation(done, total);
    };
    report.evaluation = evaluate(task_, data::Split::Val, context_, options);
  }
  for (Hook* hook : hooks) hook->on_epoch(report);
}

void Trainer::save(data::State& state, const std::string& prefix) const {
  state.put(prefix + "position",
            Json{{"step", position_.step}, {"epoch", position_.epoch}, {"step_in_epoch", position_.step_in_epoch}});
  for (const auto& [name, optimizer] : optimizers_) optimizer->save(state, prefix + "optimizer." + name + ".");
  hands_->figures().save(state, prefix + "figures.");
  task_.save(state, prefix + "task.");
}

void Trainer::load(const data::State& state, const std::string& prefix) {
  const Json& position = state.value(prefix + "position");
  position_ = {position.at("step").get<std::int64_t>(), position.at("epoch").get<std::int64_t>(),
               position.at("step_in_epoch").get<std::int64_t>()};
  for (const auto& [name, optimizer] : optimizers_) optimizer->load(state, prefix + "optimizer." + name + ".");
  hands_->figures().load(state, prefix + "figures.");
  task_.load(state, prefix + "task.");
}

}  // namespace mlrun::engine
