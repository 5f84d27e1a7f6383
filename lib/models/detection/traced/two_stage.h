#pragma once

#include "models/detection/faster_rcnn.h"
#include "models/detection/traced/steps.h"

namespace mlrun::models {

/// What a detector of two stages finds in the first of `images` [N, C, H, W], by its parts; masks and keypoints are
/// left out. `caller` is the layer at whose doors the parts run.
Found traced_found(const nn::Layer& caller, FasterRcnn& detector, const torch::Tensor& images, TraceTarget target);

}  // namespace mlrun::models
