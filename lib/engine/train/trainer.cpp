#include "engine/train/trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "base/random.h"
#include "base/signals.h"
#include "base/torch_compat.h"
#include "engine/run/model_state.h"
#include "engine/train/divergence.h"
#include "engine/train/lone_sample.h"
#include "engine/train/selection.h"

namespace mlrun::engine {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

/// So that dropout and the like depend on the micro-batch and the phase alone, never on what was drawn before.
void reseed(std::int64_t seed, std::int64_t step, std::int64_t number, std::size_t phase) {
  const std::string purpose = phase == 0 ? "micro-batch" : "micro-batch, phase " + std::to_string(phase);
  KeyedRandom random(static_cast<std::uint64_t>(seed), purpose, static_cast<std::uint64_t>(step),
                     static_cast<std::uint64_t>(number));
  compat::manual_seed(random.bits64());
}

constexpr std::size_t kNormsKept = 8;

[[noreturn]] void nothing_readable(std::int64_t samples, const std::string& reason) {
  throw UserError("none of the " + std::to_string(samples) + " train samples can be read; one of them: " + reason,
                  "set data.on_error to fail and mend the data");
}

Json to_json(const Position& position) {
  Json json = {{"step", position.step}, {"epoch", position.epoch}, {"step_in_epoch", position.step_in_epoch}};
  // Where stretches are epochs, their steps tell what is reported.
  if (position.reported != position.step - position.step_in_epoch) json["reported"] = position.reported;
  return json;
}

Position position_of(const Json& json) {
  Position position;
  position.step = json.at("step").get<std::int64_t>();
  position.epoch = json.at("epoch").get<std::int64_t>();
  position.step_in_epoch = json.at("step_in_epoch").get<std::int64_t>();
  position.reported = json.value("reported", position.step - position.step_in_epoch);
  return position;
}

}  // namespace

Trainer::Trainer(Task& task, const config::Recipe& recipe, const Context& context, Companion* companion)
    : task_(task),
      recipe_(recipe),
      context_(context),
      companion_(companion),
      frozen_(task.models(), recipe.model.freeze),
      feed_(task.feed(context)),
      epochs_(feed_ ? nullptr : std::make_unique<Epochs>(task, recipe, training_source(task))),
      phases_(task.phases()),
      compute_(std::make_unique<Compute>(task.models(), recipe.train, context)) {
  const config::TrainSection& train = recipe.train;
  plan_ = feed_ ? feed_plan(recipe) : epochs_->plan();
  plan_.unit = task.unit();
  const optim::ParameterGroups groups(task.models(), recipe.optimizer);
  draw_weights(task.models(), static_cast<std::uint64_t>(train.seed));
  for (const auto& model : task.models()) place(*model.second, context);
  optimizers_ = make_optimizers(task.models(), recipe, groups);
  groups_ = groups.summary([this](const std::string& model) { return optimizers_.at(model)->weight_decay(); });
  averager_ = std::make_unique<Averager>(task, recipe, context, plan_.horizon());
  rates_ =
      std::make_unique<ModelRates>(optimizers_, recipe, plan_.horizon(), averager_->rate(), averager_->start_step());
  warn_of_rare_rates(recipe, plan_);
  hands_ = std::make_unique<Hands>(task.models(), optimizers_, optim::Clipping::of(train));
  hands_->compute_with(*compute_);
  hands_->share_with(*context.group);
  if (feed_) hands_->feed_back_to(*feed_);
  else check_lone_samples({task, recipe, context, frozen_, *epochs_});
  selects_ = selecting_metric(task, train.select, *averager_, companion);
  early_stopping_ = std::make_unique<EarlyStopping>(train.early_stopping, selects_, task);
  warn_of_slow_precision(train, context);
}

bool Trainer::run(const std::vector<Hook*>& hooks) {
  for (Hook* hook : hooks) hook->on_start(plan_, position_);
  while (!done()) {
    const StretchOutcome outcome = train_stretch(hooks, plan_.steps());
    if (!outcome.complete || !finish_stretch(hooks, outcome) || asked_to_stop()) break;
  }
  for (Hook* hook : hooks) hook->on_stop(position_, done());
  return done();
}

void Trainer::run_steps(std::int64_t steps, const std::vector<Hook*>& hooks) {
  train_stretch(hooks, std::min(position_.step + steps, plan_.steps()));
}

bool Trainer::asked_to_stop() const {
  if (stop_signal() != 0) return true;
  return deadline_ && steps_done_ > 0 && Clock::now() >= *deadline_;
}

Trainer::StretchOutcome Trainer::train_stretch(const std::vector<Hook*>& hooks, std::int64_t until_step) {
  const auto begin = Clock::now();
  const bool whole = position_.reported == position_.step;
  StretchOutcome outcome;
  while (!plan_.waits(position_) && position_.step < until_step) {
    if (position_.step_in_epoch == plan_.steps_per_epoch) {
      ++position_.epoch;
      position_.step_in_epoch = 0;
    }
    const std::int64_t before = position_.step;
    train_epoch(hooks, until_step, outcome);
    if (position_.step == before || asked_to_stop()) break;
  }
  outcome.complete = plan_.waits(position_);
  if (outcome.complete && whole && outcome.samples == 0) nothing_readable(plan_.samples, skips_.last_message());
  outcome.seconds = seconds_since(begin);
  return outcome;
}

std::unique_ptr<Feed> Trainer::epoch_feed() const {
  return std::make_unique<EpochFeed>(task_, *epochs_, recipe_, position_.epoch, position_.step_in_epoch,
                                     context_.workers, context_.device.is_cuda());
}

void Trainer::train_epoch(const std::vector<Hook*>& hooks, std::int64_t until_step, StretchOutcome& outcome) {
  frozen_.train(task_.models());
  const auto presence = companion_ == nullptr ? nullptr : companion_->join(position_.epoch);
  const auto epoch = feed_ ? nullptr : epoch_feed();
  Feed& feed = feed_ ? *feed_ : *epoch;
  const double waited = feed.waited();
  while (auto micro = feed.next()) {
    const bool last = micro->last;
    take(std::move(*micro));
    if (!last) continue;
    finish_step(hooks, feed, outcome);
    if (position_.step >= until_step || plan_.ends_stretch(position_.step) || asked_to_stop()) break;
  }
  outcome.waited += feed.waited() - waited;
}

void Trainer::take(MicroBatch micro) {
  skips_.add("train", micro.batch.skipped);
  micro.batch.inputs = place(micro.batch.inputs, context_);
  micro.batch.targets = micro.batch.targets.to(context_.device);
  if (steps_done_ == 0 && micro.number == 0) {
    log::debug("the first batch enters forward");
    set_rates();
  }
  if (phases_.size() == 1) return train_micro(micro, 0);
  const bool last = micro.last;
  held_.push_back(std::move(micro));
  if (!last) return;
  for (std::size_t phase = 0; phase < phases_.size(); ++phase) {
    for (const auto& held : held_) train_micro(held, phase);
  }
  held_.clear();
}

void Trainer::set_rates() {
  for (const auto& model : task_.models()) hands_->set_rate(model.first, rates_->at(model.first, position_.step));
}

void Trainer::finish_step(const std::vector<Hook*>& hooks, const Feed& feed, StretchOutcome& outcome) {
  StepReport report;
  report.lr = rates_->shared().at(position_.step);
  report.rates = rates_->at(position_.step);
  ++position_.step;
  ++position_.step_in_epoch;
  ++steps_done_;
  set_rates();
  averager_->on_step(position_.step);
  outcome.samples += hands_->seen();
  report.position = position_;
  report.loss = hands_->loss();
  report.losses = hands_->losses();
  report.grad_norm = hands_->grad_norm();
  report.samples = hands_->seen();
  report.wait = feed.waited();
  for (Hook* hook : hooks) hook->on_step(report);
}

void Trainer::train_micro(const MicroBatch& micro, std::size_t phase) {
  hands_->enter(phase, phases_[phase]);
  hands_->begin(micro.batch.size(), micro.step_samples, micro.number, micro.last);
  if (micro.batch.size() > 0) {
    reseed(recipe_.train.seed, position_.step, micro.number, phase);
    task_.train(*hands_, micro.batch);
  } else if (micro.last) {
    hands_->end_without_samples();
  }
  if (!hands_->counted()) return;
  if (micro.last) hands_->end_phase();
  check_numbers(micro);
  if (!micro.last || phase + 1 < phases_.size() || hands_->skipped()) return;
  if (grad_norms_.size() == kNormsKept) grad_norms_.erase(grad_norms_.begin());
  grad_norms_.push_back(hands_->grad_norm());
}

void Trainer::check_numbers(const MicroBatch& micro) const {
  const std::string* spoilt = hands_->diverged();
  if (spoilt == nullptr && hands_->sound()) return;
  const std::string of_model = spoilt != nullptr && task_.models().size() > 1 ? " of " + *spoilt : "";
  throw Divergence(spoilt != nullptr ? "the loss" + of_model + " is not finite" : "the gradients are not finite",
                   position_.step + 1, micro.batch.ids, grad_norms_);
}

bool Trainer::finish_stretch(const std::vector<Hook*>& hooks, const StretchOutcome& outcome) {
  StretchReport report;
  report.position = position_;
  report.position.reported = position_.step;
  if (position_.step_in_epoch == plan_.steps_per_epoch) {
    ++report.position.epoch;
    report.position.step_in_epoch = 0;
  }
  report.lr = rates_->shared().at(position_.step - 1);
  report.rates = rates_->at(position_.step - 1);
  report.train = hands_->figures().means();
  report.seconds = outcome.seconds;
  report.per_second = static_cast<double>(outcome.samples) / outcome.seconds;
  report.wait_share = outcome.waited / outcome.seconds;
  if (!evaluate_stretch(hooks, report.evaluation)) return false;
  const bool average_is_to_come = averager_->active() && !averager_->ready();
  if (report.evaluation && !average_is_to_come) early_stopping_->look(*report.evaluation);
  hands_->figures().clear();
  position_ = report.position;
  for (Hook* hook : hooks) hook->on_stretch(report);
  return true;
}

void Trainer::save(data::State& state, const std::string& prefix) const {
  state.put(prefix + "position", to_json(position_));
  for (const auto& [name, optimizer] : optimizers_) optimizer->save(state, prefix + "optimizer." + name + ".");
  compute_->save(state, prefix + "compute.");
  early_stopping_->save(state, prefix);
  averager_->save(state, prefix + "averaging.");
  hands_->figures().save(state, prefix + "figures.");
  skips_.save(state, prefix);
  if (recipe_.train.memory_format == "auto") state.put(prefix + "memory_format", memory_format_name(context_));
  task_.save(state, prefix + "task.");
  if (feed_) feed_->save(state, prefix + "feed.");
  if (companion_ != nullptr) companion_->save(state, prefix + "companion.");
}

void Trainer::load(const data::State& state, const std::string& prefix) {
  position_ = position_of(state.value(prefix + "position"));
  for (const auto& [name, optimizer] : optimizers_) optimizer->load(state, prefix + "optimizer." + name + ".");
  compute_->load(state, prefix + "compute.");
  early_stopping_->load(state, prefix);
  averager_->load(state, prefix + "averaging.");
  hands_->figures().load(state, prefix + "figures.");
  skips_.load(state, prefix);
  task_.load(state, prefix + "task.");
  if (feed_) feed_->load(state, prefix + "feed.");
  if (companion_ != nullptr) companion_->load(state, prefix + "companion.");
}

}  // namespace mlrun::engine
