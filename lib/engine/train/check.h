#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/bind.h"
#include "data/fields.h"
#include "engine/task.h"
#include "engine/train/companion.h"
#include "engine/train/hooks.h"

namespace mlrun::engine {

/// What was found of a recipe without training it.
struct TrainingCheck {
  std::optional<TrainingPlan> plan;        ///< where the data were looked at
  std::vector<std::string> not_looked_at;  ///< in words
};

/// Looks at whatever can be known of a training before its first step: that given weights exist, are finite and fit the
/// model, that the data can be opened, their classes fit and some samples of each split go through the model, that all
/// lengths lie within the training, that every name that the recipe refers to is there. UserError for what cannot
/// work, warnings in the log for what makes little sense. No weights are drawn and no GPU is needed.
TrainingCheck check_training(const TaskFactory& tasks, const config::Resolved& resolved,
                             const MakeCompanion& companion = {});

/// The same for a machine without the data: the recipe, the weights' existence, lengths as far as they are not in
/// steps (of a training that is in steps: not in epochs).
TrainingCheck check_without_data(const config::Resolved& resolved);

/// A few samples of each split of the task, spread over it, as training and evaluation would see them. UserError where
/// one cannot be read (and is not to be skipped), or where they do not fit together.
std::vector<data::Batch> some_samples(Task& task, const config::Recipe& recipe);

}  // namespace mlrun::engine
