#pragma once

#include "data/fields.h"
#include "models/detection/detector.h"
#include "recipes/detection/asking.h"
#include "recipes/detection/details.h"

namespace mlrun::detection {

/// The inputs of `model` in training: images in the sizes that it was published with, or where not `model_sizes` as the
/// data have them, and what is in them, in their pixels.
data::Fields learnt_from(const data::Batch& batch, const models::Detector& model, const HeadLabels& head,
                         const Details& details, bool model_sizes);

}  // namespace mlrun::detection
