#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "config/recipe.h"
#include "engine/task.h"
#include "engine/train/hooks.h"
#include "optim/averaging_methods.h"
#include "optim/groups.h"
#include "optim/optimizer.h"

namespace mlrun::engine {

/// The optimizer that the recipe gives `model`: optimizer.models.NAME, or that of all.
const config::Component& optimizer_of(const config::Recipe& recipe, const std::string& model);
/// The course of its learning rate: schedule.models.NAME, or that of all.
const config::RateSection& rate_of(const config::Recipe& recipe, const std::string& model);

/// UserError at optimizer.models and schedule.models for a name that is none of the task's models, with the nearest.
void check_model_names(const Models& models, const config::Recipe& recipe);

using Optimizers = std::map<std::string, std::unique_ptr<optim::Optimizer>>;

/// The optimizer of each model, of the parameters that `groups` gives it.
Optimizers make_optimizers(const Models& models, const config::Recipe& recipe, const optim::ParameterGroups& groups);

/// Says where the rate moves with epochs in a training whose length is in steps, and hardly moves.
void warn_of_rare_rates(const config::Recipe& recipe, const TrainingPlan& plan);

/// The learning rate of each model at every step.
class ModelRates {
 public:
  /// `averaging`: the rate while weights are averaged, from `averaging_start` on.
  ModelRates(const Optimizers& optimizers, const config::Recipe& recipe, const optim::Horizon& horizon,
             const std::optional<optim::AveragingRate>& averaging = {}, std::int64_t averaging_start = 0);

  /// The rate that models without one of their own have; that of the first model where all have one.
  const optim::PhasedRate& shared() const { return rates_.at(shared_); }
  double at(const std::string& model, std::int64_t step) const;
  /// Those of all models where the recipe tells them apart, else none.
  ByModel at(std::int64_t step) const;

 private:
  std::map<std::string, optim::PhasedRate> rates_;  // the shared one alone, where the recipe tells none apart
  bool apart_;
  std::string shared_;  // a model that has it
};

}  // namespace mlrun::engine
