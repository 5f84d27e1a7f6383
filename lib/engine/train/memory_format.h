#pragma once

#include <functional>

#include "base/json.h"
#include "config/recipe.h"
#include "engine/context.h"
#include "engine/task.h"

namespace mlrun::engine {

/// Seconds of one training step with the models and images in this format.
using TimeStep = std::function<double(torch::MemoryFormat)>;

/// Times both formats by turns, a first round to warm up, until three rounds or ten seconds are over. Returns what
/// run.json keeps under `choices`: `memory_format`, the faster, and `seconds_per_step` of each.
Json faster_memory_format(const TimeStep& time_step);

/// Sets `context`'s memory format where the recipe leaves it to a measurement (`train.memory_format: auto`): what
/// `recorded` choices say, else what is faster on the first micro-batch, forward and backward. Returns the choices; an
/// empty object where there was nothing to choose. Weights are left undefined, the task's state and all else as they
/// were: to be called before a Trainer draws the weights.
Json choose_memory_format(Task& task, const config::Recipe& recipe, Context& context, const Json& recorded);

}  // namespace mlrun::engine
