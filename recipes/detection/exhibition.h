#pragma once

#include <memory>

#include "engine/exhibition.h"
#include "engine/task.h"

namespace mlrun::detection {

/// What a run's page shows of a detector: figures by class, curves, and the images that it sees worst by what has at
/// least `shown` of score. `task` must outlive it.
std::unique_ptr<engine::Exhibition> make_exhibition(engine::Task& task, double shown);

}  // namespace mlrun::detection
