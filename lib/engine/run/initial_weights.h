#pragma once

#include "config/bind.h"
#include "engine/task.h"

namespace mlrun::engine {

/// `model.weights.file` may also be a run, which stands for its best weights, or one of its checkpoints.

/// Checks `model.weights` before anything is built: the file or the published weights are on this
/// machine, published ones are of this model and fit its options. UserError at their place in the
/// recipe. Nothing is read but checksums of published files.
void check_initial_weights(const config::Resolved& resolved);

/// Loads what `section.weights` names into `model`, whose weights are drawn already (the last layer
/// stays so with `head: reinit`), and logs in one line what became of the file's names.
void load_initial_weights(nn::Layer& model, const config::ModelSection& section);

/// The same for the task's model, after `Trainer` has drawn its weights. Nothing where the recipe
/// names no weights. Not for resumed runs, which have weights of their own.
void apply_initial_weights(Task& task, const config::Recipe& recipe);

}  // namespace mlrun::engine
