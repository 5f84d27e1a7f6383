#include "engine/train/model_rates.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "config/registry.h"

namespace mlrun::engine {
namespace {

template <class T>
const T* named(const config::Named<T>& list, const std::string& name) {
  for (const auto& item : list) {
    if (item.first == name) return &item.second;
  }
  return nullptr;
}

template <class T>
void check_names(const std::vector<std::string>& models, const config::Named<T>& list, const std::string& key) {
  for (const auto& item : list) {
    if (std::find(models.begin(), models.end(), item.first) != models.end()) continue;
    std::string all;
    for (const auto& model : models) all += (all.empty() ? "" : ", ") + model;
    const std::string near = config::did_you_mean(item.first, models);
    throw UserError(Problem{"", 0, 0, key + "." + item.first, "the task has no model of this name",
                            near.empty() ? "its models: " + all : near});
  }
}

}  // namespace

const config::Component& optimizer_of(const config::Recipe& recipe, const std::string& model) {
  const auto* own = named(recipe.optimizer.models, model);
  return own != nullptr ? *own : recipe.optimizer.method;
}

const config::RateSection& rate_of(const config::Recipe& recipe, const std::string& model) {
  const auto* own = named(recipe.schedule.models, model);
  return own != nullptr ? *own : recipe.schedule;
}

void check_model_names(const Models& models, const config::Recipe& recipe) {
  std::vector<std::string> names;
  for (const auto& model : models) names.push_back(model.first);
  check_names(names, recipe.optimizer.models, "optimizer.models");
  check_names(names, recipe.schedule.models, "schedule.models");
}

Optimizers make_optimizers(const Models& models, const config::Recipe& recipe, const optim::ParameterGroups& groups) {
  check_model_names(models, recipe);
  Optimizers optimizers;
  for (const auto& model : models) {
    optimizers[model.first] =
        optim::optimizers().make(optimizer_of(recipe, model.first), groups.parameters(model.first));
  }
  return optimizers;
}

void warn_of_rare_rates(const config::Recipe& recipe, const TrainingPlan& plan) {
  const config::RateSection& rate = recipe.schedule;
  if (!plan.in_steps() || rate.interval == "step" || rate.curve.name == "constant") return;
  log::warning("the learning rate changes where epochs begin, in this training of " + std::to_string(plan.steps()) +
               " steps " + std::to_string(plan.epochs - 1) + " times; with schedule.interval: step it moves at each");
}

ModelRates::ModelRates(const Optimizers& optimizers, const config::Recipe& recipe, const optim::Horizon& horizon,
                       const std::optional<optim::AveragingRate>& averaging, std::int64_t averaging_start)
    : apart_(!recipe.optimizer.models.empty() || !recipe.schedule.models.empty()), shared_(optimizers.begin()->first) {
  const auto has_own = [&recipe](const std::string& name) {
    return named(recipe.optimizer.models, name) != nullptr || named(recipe.schedule.models, name) != nullptr;
  };
  for (const auto& [name, optimizer] : optimizers) {
    if (!apart_ && !rates_.empty()) break;
    rates_.emplace(name, optim::PhasedRate(rate_of(recipe, name), optimizer->base_lr(), horizon, averaging,
                                           averaging_start, static_cast<std::uint64_t>(recipe.train.seed)));
    if (has_own(shared_) && !has_own(name)) shared_ = name;
  }
}

double ModelRates::at(const std::string& model, std::int64_t step) const {
  const auto found = rates_.find(model);
  return found == rates_.end() ? shared().at(step) : found->second.at(step);
}

ByModel ModelRates::at(std::int64_t step) const {
  ByModel rates;
  if (!apart_) return rates;
  for (const auto& [model, rate] : rates_) rates.emplace_back(model, rate.at(step));
  return rates;
}

}  // namespace mlrun::engine
