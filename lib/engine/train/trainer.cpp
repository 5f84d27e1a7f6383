#include "engine/train/trainer.h"

#include <chrono>
#include <cmath>

#include "base/error.h"
#include "base/log.h"
#include "base/random.h"
#include "base/signals.h"
#include "base/torch_compat.h"
#include "engine/run/model_state.h"
#include "engine/train/divergence.h"
#include "engine/train/lone_sample.h"
#include "engine/train/selection.h"
#include "weights/finite.h"

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

constexpr std::size_t kNormsKept = 8;

[[noreturn]] void nothing_readable(std::int64_t samples, const std::string& reason) {
  throw UserError("none of the " + std::to_string(samples) + " train samples can be read; one of them: " + reason,
                  "set data.on_error to fail and mend the data");
}

/// Leaves an evaluation that is no longer wanted.
struct EvaluationStopped {};

}  // namespace

Trainer::Trainer(Task& task, const config::Recipe& recipe, const Context& context, Companion* companion)
    : task_(task),
      recipe_(recipe),
      context_(context),
      companion_(companion),
      frozen_(task.models(), recipe.model.freeze),
      source_(training_source(task)),
      sampler_(make_sampler(task, recipe, source_)),
      compute_(std::make_unique<Compute>(task.models(), recipe.train, context)) {
  const config::TrainSection& train = recipe.train;
  plan_ = training_plan(recipe, sampler_->size());
  plan_.unit = task.unit();
  const optim::ParameterGroups groups(task.models(), recipe.optimizer);
  draw_weights(task.models(), static_cast<std::uint64_t>(train.seed));
  for (const auto& [name, model] : task.models()) {
    place(*model, context);
    optimizers_[name] = optim::optimizers().make(recipe.optimizer.method, groups.parameters(name));
  }
  groups_ = groups.summary(optimizers_.begin()->second->weight_decay());
  const double base_lr = optimizers_.begin()->second->base_lr();
  const optim::Horizon horizon{plan_.steps_per_epoch, plan_.steps_per_epoch * plan_.epochs};
  averager_ = std::make_unique<Averager>(task, recipe, context, horizon);
  learning_rate_ = std::make_unique<optim::PhasedRate>(recipe.schedule, base_lr, horizon, averager_->rate(),
                                                       averager_->start_step(), static_cast<std::uint64_t>(train.seed));
  hands_ = std::make_unique<Hands>(task.models(), optimizers_, optim::Clipping::of(train));
  hands_->compute_with(*compute_);
  check_lone_samples({task, recipe, context, frozen_, *source_}, plan_.samples);
  selects_ = selecting_metric(task, train.select, *averager_, companion);
  early_stopping_ = std::make_unique<EarlyStopping>(train.early_stopping, selects_, task);
  warn_of_slow_precision(train, context);
}

bool Trainer::run(const std::vector<Hook*>& hooks) {
  for (Hook* hook : hooks) hook->on_start(plan_, position_);
  const std::int64_t end = plan_.epochs * plan_.steps_per_epoch;
  while (!done()) {
    const EpochOutcome outcome = train_epoch(hooks, end);
    if (!outcome.complete || !finish_epoch(hooks, outcome) || asked_to_stop()) break;
  }
  for (Hook* hook : hooks) hook->on_stop(position_, done());
  return done();
}

void Trainer::run_steps(std::int64_t steps, const std::vector<Hook*>& hooks) {
  train_epoch(hooks, position_.step + steps);
}

bool Trainer::asked_to_stop() const {
  if (stop_signal() != 0) return true;
  return deadline_ && steps_done_ > 0 && Clock::now() >= *deadline_;
}

Trainer::EpochOutcome Trainer::train_epoch(const std::vector<Hook*>& hooks, std::int64_t until_step) {
  const auto begin = Clock::now();
  frozen_.train(task_.models());
  const auto presence = companion_ == nullptr ? nullptr : companion_->join(position_.epoch);
  const bool whole_epoch = position_.step_in_epoch == 0;
  EpochFeed feed(task_, *source_, *sampler_, recipe_, position_.epoch, position_.step_in_epoch, context_.workers,
                 data::on_error_of(recipe_.data.on_error), context_.device.is_cuda());
  EpochOutcome outcome;
  while (auto micro = feed.next()) {
    const double lr = learning_rate_->at(position_.step);
    skips_.add("train", micro->batch.skipped);
    micro->batch.inputs = place(micro->batch.inputs, context_);
    micro->batch.targets = micro->batch.targets.to(context_.device);
    if (steps_done_ == 0 && micro->number == 0) log::debug("the first batch enters forward");
    train_micro(*micro, lr);
    if (!micro->last) continue;
    ++position_.step;
    ++position_.step_in_epoch;
    ++steps_done_;
    averager_->on_step(position_.step);
    outcome.samples += hands_->seen();
    const StepReport report{position_, lr, hands_->loss(), hands_->grad_norm(), hands_->seen(), feed.waited()};
    for (Hook* hook : hooks) hook->on_step(report);
    if (position_.step >= until_step || asked_to_stop()) break;
  }
  outcome.complete = position_.step_in_epoch == plan_.steps_per_epoch;
  if (outcome.complete && whole_epoch && outcome.samples == 0) nothing_readable(plan_.samples, skips_.last_message());
  outcome.seconds = seconds_since(begin);
  outcome.waited = feed.waited();
  return outcome;
}

void Trainer::train_micro(const MicroBatch& micro, double lr) {
  hands_->begin(lr, micro.batch.size(), micro.step_samples, micro.number, micro.last);
  if (micro.batch.size() > 0) {
    reseed(recipe_.train.seed, position_.step, micro.number);
    task_.train(*hands_, micro.batch);
  } else if (micro.last) {
    hands_->end_without_samples();
  }
  if (!hands_->counted()) return;
  if (micro.last) hands_->end_step();
  const bool finite_loss = std::isfinite(hands_->loss());
  if (finite_loss && hands_->skipped()) return;
  if (!finite_loss || !std::isfinite(hands_->grad_norm())) {
    throw Divergence(finite_loss ? "the gradients are not finite" : "the loss is not finite", position_.step + 1,
                     micro.batch.ids, grad_norms_);
  }
  if (!micro.last) return;
  if (grad_norms_.size() == kNormsKept) grad_norms_.erase(grad_norms_.begin());
  grad_norms_.push_back(hands_->grad_norm());
}

bool Trainer::evaluation_due() const {
  if (!task_.source(data::Split::Val)) return false;
  if (last_epoch()) return true;
  const std::int64_t every = optim::span_steps(
      recipe_.train.evaluate, {plan_.steps_per_epoch, plan_.epochs * plan_.steps_per_epoch}, "train.evaluate");
  return every > 0 && position_.step / every != (position_.step - plan_.steps_per_epoch) / every;
}

bool Trainer::evaluate_epoch(const std::vector<Hook*>& hooks, std::optional<Evaluation>& evaluation) {
  EvaluateOptions options = evaluate_options(recipe_);
  options.progress = [this, &hooks](std::int64_t done, std::int64_t total) {
    for (Hook* hook : hooks) hook->on_evaluation(done, total);
    if (done < total && asked_to_stop()) throw EvaluationStopped();
  };
  averaged_.clear();
  try {
    if (evaluation_due()) {
      evaluation = evaluate(task_, data::Split::Val, context_, options);
      skips_.add("val", evaluation->skipped);
      accompany(options, "", *evaluation);
    }
    if (averager_->ready() && (evaluation || last_epoch())) evaluate_average(options, evaluation);
  } catch (const EvaluationStopped&) {
    return false;
  }
  return true;
}

void Trainer::evaluate_average(const EvaluateOptions& options, std::optional<Evaluation>& evaluation) {
  const WeightsKept kept(task_.models());
  averager_->put_in(options.progress);
  weights::NamedTensors averaged;
  for (const auto& [name, tensor] : model_tensors(task_.models())) averaged.emplace_back(name, tensor.detach().clone());
  const auto spoilt = weights::first_not_finite(averaged);
  if (spoilt) throw Divergence("averaged weights are not finite: " + *spoilt, position_.step);
  if (evaluation) {
    const auto of_average = evaluate(task_, data::Split::Val, context_, options).figures;
    report::append(evaluation->figures, report::prefixed(averager_->prefix(), of_average));
    accompany(options, averager_->prefix(), *evaluation);
  }
  averaged_ = std::move(averaged);
}

void Trainer::accompany(const EvaluateOptions& options, const std::string& prefix, Evaluation& evaluation) {
  if (companion_ == nullptr) return;
  const auto more = companion_->figures(data::Split::Val, options, /*averaged=*/!prefix.empty());
  report::append(evaluation.figures, report::prefixed(prefix + companion_->prefix(), more));
}

bool Trainer::finish_epoch(const std::vector<Hook*>& hooks, const EpochOutcome& outcome) {
  EpochReport report;
  report.position = {position_.step, position_.epoch + 1, 0};
  report.lr = learning_rate_->at(position_.step - 1);
  report.train = hands_->figures().means();
  report.seconds = outcome.seconds;
  report.per_second = static_cast<double>(outcome.samples) / outcome.seconds;
  report.wait_share = outcome.waited / outcome.seconds;
  if (!evaluate_epoch(hooks, report.evaluation)) return false;
  const bool average_is_to_come = averager_->active() && !averager_->ready();
  if (report.evaluation && !average_is_to_come) early_stopping_->look(*report.evaluation);
  hands_->figures().clear();
  position_ = report.position;
  for (Hook* hook : hooks) hook->on_epoch(report);
  return true;
}

void Trainer::save(data::State& state, const std::string& prefix) const {
  state.put(prefix + "position",
            Json{{"step", position_.step}, {"epoch", position_.epoch}, {"step_in_epoch", position_.step_in_epoch}});
  for (const auto& [name, optimizer] : optimizers_) optimizer->save(state, prefix + "optimizer." + name + ".");
  compute_->save(state, prefix + "compute.");
  early_stopping_->save(state, prefix);
  averager_->save(state, prefix + "averaging.");
  hands_->figures().save(state, prefix + "figures.");
  skips_.save(state, prefix);
  if (recipe_.train.memory_format == "auto") state.put(prefix + "memory_format", memory_format_name(context_));
  task_.save(state, prefix + "task.");
  if (companion_ != nullptr) companion_->save(state, prefix + "companion.");
}

void Trainer::load(const data::State& state, const std::string& prefix) {
  const Json& position = state.value(prefix + "position");
  position_ = {position.at("step").get<std::int64_t>(), position.at("epoch").get<std::int64_t>(),
               position.at("step_in_epoch").get<std::int64_t>()};
  for (const auto& [name, optimizer] : optimizers_) optimizer->load(state, prefix + "optimizer." + name + ".");
  compute_->load(state, prefix + "compute.");
  early_stopping_->load(state, prefix);
  averager_->load(state, prefix + "averaging.");
  hands_->figures().load(state, prefix + "figures.");
  skips_.load(state, prefix);
  task_.load(state, prefix + "task.");
  if (companion_ != nullptr) companion_->load(state, prefix + "companion.");
}

}  // namespace mlrun::engine
