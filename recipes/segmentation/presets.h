#pragma once

#include "data/transforms/transform.h"

namespace mlrun::segmentation {

/// Adds `segmentation_train` and `segmentation_eval`, as torchvision's references prepare images and masks.
void add_presets(data::TransformFactory& factory);

}  // namespace mlrun::segmentation
