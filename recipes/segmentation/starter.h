#pragma once

#include "engine/starter.h"

namespace mlrun::segmentation {

/// `mlrun init segmentation`.
engine::StarterKind starter();

}  // namespace mlrun::segmentation
