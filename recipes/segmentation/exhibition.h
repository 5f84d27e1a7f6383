#pragma once

#include <memory>

#include "engine/exhibition.h"
#include "engine/task.h"

namespace mlrun::segmentation {

/// What a page shows of a segmenter: figures of each class, the confusion matrix of pixels, the worst images beside
/// their masks. `task` outlives it.
std::unique_ptr<engine::Exhibition> make_exhibition(engine::Task& task);

}  // namespace mlrun::segmentation
