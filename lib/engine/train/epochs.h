#pragma once

#include <cstdint>
#include <memory>

#include "config/recipe.h"
#include "data/batching.h"
#include "data/sampler.h"
#include "engine/task.h"
#include "engine/train/hooks.h"

namespace mlrun::engine {

/// The samples of the train split; UserError where there are none.
std::shared_ptr<const data::Source> training_source(Task& task);

/// The length of a training whose epochs have `steps_per_epoch` steps.
TrainingPlan training_length(const config::TrainSection& train, std::int64_t steps_per_epoch);

/// What the recipe trains for where an epoch draws `drawn` samples that it takes in the sampler's order: all of them
/// or, with data.drop_last, whole steps of them. UserError where those are none.
TrainingPlan training_plan(const config::Recipe& recipe, std::int64_t drawn);

/// The same for samples from a feed of the task's own, which has no epochs: the whole training counts as one. UserError
/// at train.epochs where the recipe gives no length in steps.
TrainingPlan feed_plan(const config::Recipe& recipe);

/// The epochs over training samples: which of them each takes (data.sampler), and in what steps (data.batching).
class Epochs {
 public:
  /// UserError where an epoch has no step, or the batching lacks what it goes by.
  Epochs(const Task& task, const config::Recipe& recipe, std::shared_ptr<const data::Source> source);

  const data::Source& source() const { return *source_; }
  TrainingPlan plan() const;
  /// Those of one epoch: the same whenever they are asked for.
  data::Steps steps(std::int64_t epoch) const;

 private:
  const config::Recipe& recipe_;
  std::shared_ptr<const data::Source> source_;
  std::unique_ptr<data::Sampler> sampler_;
  std::unique_ptr<data::Batching> batching_;
};

}  // namespace mlrun::engine
