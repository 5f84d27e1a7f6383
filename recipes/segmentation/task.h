#pragma once

#include "data/transforms/transform.h"
#include "engine/task.h"
#include "metrics/registry.h"

/// Semantic segmentation: a class for every pixel.
namespace mlrun::segmentation {

/// Adds the task `segmentation`.
void add_task(engine::TaskFactory& factory, const data::TransformFactory& transforms);

}  // namespace mlrun::segmentation
