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

/// It in an evaluation, under the name `metric`; nothing where it is a figure of an average that is still to come.
std::optional<report::Figure> selecting_figure(const std::string& metric, const Evaluation& evaluation);

}  // namespace mlrun::engine
