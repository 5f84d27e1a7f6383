#include "engine/run/model_state.h"
#include "engine/train/divergence.h"
#include "engine/train/trainer.h"
#include "weights/finite.h"

namespace mlrun::engine {
namespace {

/// Leaves an evaluation that is no longer wanted.
struct EvaluationStopped {};

}  // namespace

bool Trainer::evaluation_due() const {
  if (!task_.source(data::Split::Val)) return false;
  if (at_end()) return true;
  const std::int64_t every = optim::span_steps(recipe_.train.evaluate, plan_.horizon(), "train.evaluate");
  return every > 0 && position_.step / every != position_.reported / every;
}

bool Trainer::evaluate_stretch(const std::vector<Hook*>& hooks, std::optional<Evaluation>& evaluation) {
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
    if (averager_->ready() && (evaluation || at_end())) evaluate_average(options, evaluation);
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

}  // namespace mlrun::engine
