#pragma once

#include "config/registry.h"
#include "engine/task.h"

namespace mlrun::recipes {

/// `classification`.
const engine::TaskFactory& tasks();

/// Every registry there is: what recipes are checked against and `mlrun list` shows.
const config::Catalogue& catalogue();

}  // namespace mlrun::recipes
