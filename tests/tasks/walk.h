#pragma once

#include "recipes/registry.h"

/// Reinforcement learning: an actor walks on a line and learns to stand where the reward is, a critic tells what a move
/// is worth. Samples come from a feed of the task's own: an environment that the actor moves in, and a buffer that
/// replays what surprised most. `feed_test.cpp` trains and resumes it.
namespace mlrun::toys {

const engine::TaskFactory& walk_tasks();
const config::Catalogue& walk_catalogue();

}  // namespace mlrun::toys
