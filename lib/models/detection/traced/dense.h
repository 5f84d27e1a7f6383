#pragma once

#include "models/detection/dense_detector.h"
#include "models/detection/traced/steps.h"

namespace mlrun::models {

/// What a detector of one stage finds in the first of `images` [N, C, H, W], from what its part `raw` gives, `outputs`.
Found traced_found(DenseDetector& detector, const nn::Tensors& outputs, const torch::Tensor& images,
                   TraceTarget target);

}  // namespace mlrun::models
