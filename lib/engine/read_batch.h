#pragma once

#include "data/fields.h"
#include "data/read_samples.h"
#include "engine/task.h"

namespace mlrun::engine {

/// What was read as a batch; one without fields where every sample was skipped.
data::Batch collate_read(const Task& task, data::SamplesRead read);

}  // namespace mlrun::engine
