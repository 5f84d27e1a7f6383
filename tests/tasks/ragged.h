#pragma once

#include "recipes/registry.h"

/// Samples of no fixed size: a list of points in, a list of moved points and one number out, none of which is stacked.
/// `commands_test.cpp` takes it through every command.
namespace mlrun::toys {

const engine::TaskFactory& ragged_tasks();
const config::Catalogue& ragged_catalogue();

}  // namespace mlrun::toys
