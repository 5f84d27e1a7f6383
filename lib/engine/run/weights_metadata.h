#pragma once

#include "config/bind.h"
#include "engine/task.h"
#include "weights/safetensors.h"

namespace mlrun::engine {

/// The recipe as a file of weights carries it: without what says how a run was made and not what it computes, and
/// without where the data lie.
std::string carried_recipe(const config::Resolved& resolved);

/// What a file of the task's weights says beside them: the recipe (without what says how a run was made and not what it
/// computes, so that the same training gives the same bytes), data, classes, preprocessing.
weights::Metadata weights_metadata(const Task& task, const config::Resolved& resolved);

}  // namespace mlrun::engine
