#pragma once

#include <vector>

#include "config/registry.h"
#include "data/transforms/transform.h"
#include "engine/starter.h"
#include "engine/task.h"
#include "metrics/registry.h"

/// All there is by name, put together here of what lib/ has and what each task adds.
namespace mlrun::recipes {

/// `classification`, `segmentation`.
const engine::TaskFactory& tasks();
/// Those of lib/data and the presets of the tasks.
const data::TransformFactory& transforms();
/// Those of the tasks.
const metrics::MetricFactory& metrics();

/// What `mlrun init` writes recipes for: tasks with first recipes.
const std::vector<engine::StarterKind>& starters();

/// Every registry there is: what recipes are checked against and `mlrun list` shows.
const config::Catalogue& catalogue();

}  // namespace mlrun::recipes
