#pragma once

#include "data/transforms/transform.h"

namespace mlrun::detection {

/// Adds `detection_train`, `detection_ssd`, `detection_ssdlite`, `detection_lsj`, `detection_multiscale` and
/// `detection_eval`, as torchvision's references prepare images with boxes. None normalizes: models do, as
/// torchvision's do.
void add_presets(data::TransformFactory& factory);

}  // namespace mlrun::detection
