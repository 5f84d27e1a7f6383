#pragma once

#include <memory>

#include "engine/exhibition.h"

namespace mlrun::classification {

/// What a page shows of a classifier: the confusion matrix, each class's accuracy, the reliability of its
/// probabilities, the worst mistakes, the samples of each class. `task` outlives it.
std::unique_ptr<engine::Exhibition> make_exhibition(engine::Task& task);

}  // namespace mlrun::classification
