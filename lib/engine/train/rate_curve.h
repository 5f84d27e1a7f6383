#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/task.h"

namespace mlrun::engine {

/// The learning rate of a recipe's whole training.
struct RateCurve {
  double epochs = 0;
  std::int64_t steps_per_epoch = 0;
  std::vector<double> rates;                            ///< of each optimizer step; the phase of `averaging` included
  std::map<std::string, std::vector<double>> by_model;  ///< of models with rates of their own, and of `others`
  std::string assumption;  ///< what stands for the size of data that cannot be opened; else empty
};

/// Steps of an epoch where neither the data nor `samples` tell them.
constexpr std::int64_t kAssumedSteps = 100;

/// The curve for `samples` training samples, or for those of the recipe's data. Where the data cannot
/// be opened, an epoch is taken to have kAssumedSteps steps.
RateCurve rate_curve(const TaskFactory& tasks, const config::Recipe& recipe, std::optional<std::int64_t> samples);

}  // namespace mlrun::engine
