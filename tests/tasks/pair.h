#pragma once

#include "recipes/registry.h"

/// Two models against each other, each with its own optimizer: a generator that turns noise into numbers of some
/// distribution, and a critic that tells them from real ones and is updated twice as often. `commands_test.cpp` takes
/// it through every command.
namespace mlrun::toys {

const engine::TaskFactory& pair_tasks();
const config::Catalogue& pair_catalogue();

}  // namespace mlrun::toys
