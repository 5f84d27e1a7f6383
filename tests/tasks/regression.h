#pragma once

#include "recipes/registry.h"

/// The smallest whole task, to be read and copied: numbers in, one number out, less is better, no classes, no images.
/// `commands_test.cpp` here and `tests/apps/toys_test.cpp` take it through every command.
namespace mlrun::toys {

/// The task `regression`.
const engine::TaskFactory& regression_tasks();

/// What its recipes may name: the task, its model `mlp`, its data `waves`, and all that every task shares.
const config::Catalogue& regression_catalogue();

}  // namespace mlrun::toys
