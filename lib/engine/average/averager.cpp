#include "engine/average/averager.h"

#include <algorithm>
#include <cmath>

#include <torch/types.h>
#include <torch/utils.h>

#include "base/log.h"
#include "engine/average/norm_renewal.h"
#include "engine/run/model_state.h"
#include "report/format.h"

namespace mlrun::engine {
namespace {

/// How many steps are done at each minimum of the schedule's cycles that lies behind `start`.
std::set<std::int64_t> minima_after(std::int64_t start, const config::Recipe& recipe, const optim::Horizon& horizon) {
  const optim::LearningRate rate(recipe.schedule, /*base_lr=*/1, horizon);
  std::set<std::int64_t> minima;
  for (std::int64_t step = start; step < horizon.total_steps; ++step) {
    if (rate.minimum(step)) minima.insert(step + 1);
  }
  if (!minima.empty()) return minima;
  throw UserError(Problem{"", 0, 0, "averaging.capture",
                          "no weights are ever averaged: the schedule '" + recipe.schedule.curve.name +
                              "' reaches no minimum after averaging.start",
                          "set schedule to cyclical, begin earlier, or set averaging.capture to every"});
}

/// `first`: the step after which weights are taken in first.
void check_captures(const optim::AveragingPlan& plan, std::int64_t first, const optim::Horizon& horizon) {
  if (first <= horizon.total_steps) return;
  throw UserError(Problem{"", 0, 0, "averaging.start",
                          "no weights are ever averaged: the training ends before " + plan.every.text() + " after " +
                              plan.start.text() + " are over",
                          "begin earlier or take weights in more often"});
}

/// An average that fades too slowly is one of weights from before the training.
void warn_of_slow_decay(double decay, std::int64_t sets) {
  constexpr double kMost = 0.1;     // of the average that may be left to the first weights
  constexpr double kSuited = 0.01;  // what the suggested decay leaves
  const auto fadings = static_cast<double>(sets - 1);
  const double left = std::pow(decay, fadings);
  if (sets < 2 || left <= kMost) return;
  const double step = 1 - std::pow(kSuited, 1 / fadings);
  const double unit = std::pow(10, std::floor(std::log10(step)) - 1);
  log::warning("averaging.decay: the average cannot catch up with the weights: they are taken in " +
               std::to_string(sets) + " times, and a decay of " + report::significant(decay, 6) + " leaves " +
               report::percent(left, 0) + " of it to the first of them; take " +
               report::shortest(std::round((1 - std::ceil(step / unit) * unit) * 1e12) / 1e12) +
               " or less, or set averaging.warmup");
}

}  // namespace

void check_averaging(const optim::AveragingPlan& plan, const optim::Horizon& horizon) {
  if (plan.at_minima) return;
  const bool counted = plan.every.unit == config::Span::Unit::Steps;
  const std::int64_t every = counted ? 0 : optim::span_steps(plan.every, horizon, "averaging.every");
  check_captures(plan, optim::span_steps(plan.start, horizon, "averaging.start") + std::max<std::int64_t>(1, every),
                 horizon);
}

Averager::Averager(Task& task, const config::Recipe& recipe, const Context& context, const optim::Horizon& horizon)
    : task_(task),
      recipe_(recipe),
      context_(context),
      plan_(optim::averagings().make(recipe.averaging.method, {recipe.train.batch_size, horizon.epochs()})) {
  if (!active()) return;
  start_ = optim::span_steps(plan_.start, horizon, "averaging.start");
  if (plan_.at_minima) {
    minima_ = minima_after(start_, recipe, horizon);
    return;
  }
  every_ = std::max<std::int64_t>(1, optim::span_steps(plan_.every, horizon, "averaging.every"));
  check_captures(plan_, start_ + every_, horizon);
  if (plan_.decay) warn_of_slow_decay(*plan_.decay, (horizon.total_steps - start_) / every_);
}

void Averager::on_step(std::int64_t step) {
  if (!active()) return;
  const bool due = plan_.at_minima ? minima_.count(step) != 0 : step > start_ && (step - start_) % every_ == 0;
  if (due) plan_.average->add(model_tensors(task_.models()));
}

void Averager::put_in(const std::function<void(std::int64_t done, std::int64_t total)>& progress) {
  const torch::NoGradGuard no_gradients;
  load_model_tensors(task_.models(), plan_.average->mean(), "the averaged weights");
  if (!plan_.norms) return;
  RenewalRequest request;
  request.norms = *plan_.norms;
  request.batch_size = recipe_.train.batch_size / recipe_.train.accumulate;
  request.seed = static_cast<std::uint64_t>(recipe_.train.seed);
  request.progress = progress;
  renew_norms(task_, context_, request);
}

void Averager::save(data::State& state, const std::string& prefix) const {
  if (!ready()) return;
  state.put(prefix + "present", Json(true));
  plan_.average->save(state, prefix);
}

void Averager::load(const data::State& state, const std::string& prefix) {
  if (active() && state.has(prefix + "present")) plan_.average->load(state, prefix);
}

WeightsKept::WeightsKept(const Models& models) : models_(models) {
  for (const auto& [name, tensor] : model_tensors(models)) kept_.emplace_back(name, tensor.detach().clone());
}

WeightsKept::~WeightsKept() {
  const torch::NoGradGuard no_gradients;
  const auto now = model_tensors(models_);
  for (std::size_t i = 0; i < now.size(); ++i) now[i].second.detach().copy_(kept_[i].second);
}

}  // namespace mlrun::engine
