#pragma once

#include "config/recipe.h"
#include "data/transforms/transform.h"
#include "engine/task.h"

namespace mlrun::classification {

/// Registers `classification`: one image in, one of C classes out.
void add_task(engine::TaskFactory& tasks);

/// What the recipe's model, with its weights, wants of images with `channels` channels.
data::TransformContext transform_context(const config::Recipe& recipe, std::int64_t channels);

}  // namespace mlrun::classification
