#pragma once

#include "engine/task.h"

namespace mlrun::classification {

/// Registers `classification`: one image in, one of C classes out.
void add_task(engine::TaskFactory& tasks);

}  // namespace mlrun::classification
