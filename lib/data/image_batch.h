#pragma once

#include <vector>

#include "data/fields.h"

namespace mlrun::data {

/// Samples whose `inputs.image` [C, H, W] are of one size as a batch, by `data::stacked`. UserError that names the
/// first sample of another size.
Batch batch_of_images(std::vector<Sample> samples);

}  // namespace mlrun::data
