#pragma once

#include <optional>
#include <string>

#include "engine/average/averager.h"
#include "engine/evaluator.h"
#include "engine/task.h"
#include "engine/train/companion.h"

namespace mlrun::engine {

/// The metric that chooses `best`, as `val/acc1`: `train.select`, which must be measured, or the task's own.
/// UserError that names those that are. `companion` may be null.
std::string selecting_metric(Task& task, const std::optional<std::string>& wanted, const Averager& averager,
                             const Companion* companion);

/// Its value in an evaluation; nothing where it is a figure of an average that is still to come.
std::optional<double> selecting_value(const std::string& metric, const Evaluation& evaluation);

/// True where `value` of `metric` is better than `than` by more than `margin`. Whatever can be measured is better than
/// NaN.
bool better(const std::string& metric, double value, double than, double margin = 0);

}  // namespace mlrun::engine
