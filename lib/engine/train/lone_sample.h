#pragma once

#include <cstdint>

#include "config/recipe.h"
#include "engine/context.h"
#include "engine/task.h"
#include "engine/train/epochs.h"
#include "engine/train/freeze.h"

namespace mlrun::engine {

/// A training whose models are placed and have weights.
struct PreparedTraining {
  Task& task;
  const config::Recipe& recipe;
  const Context& context;
  const FrozenStages& frozen;
  const Epochs& epochs;
};

/// Whether steps have a micro-batch of one sample.
bool leaves_lone_sample(const config::TrainSection& train, const data::Steps& steps);

/// UserError at train.batch_size where epochs have a micro-batch of one sample and a batch norm sees one
/// value of each channel of it: its variance would be NaN, and an epoch lost before anybody notices. Where there is
/// such a micro-batch, the models are run once on a sample, their statistics left as they are.
void check_lone_samples(const PreparedTraining& training);

}  // namespace mlrun::engine
