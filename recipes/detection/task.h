#pragma once

#include "data/transforms/transform.h"
#include "engine/task.h"

/// Detection: a box with a class around every object.
namespace mlrun::detection {

/// Adds the task `detection`.
void add_task(engine::TaskFactory& factory, const data::TransformFactory& transforms);

}  // namespace mlrun::detection
