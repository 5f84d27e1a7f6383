#pragma once

#include <vector>

#include "config/recipe.h"
#include "nn/layer.h"

namespace mlrun::models {

/// Gives every batch norm below `networks` what the section says; frozen ones keep what they have. UserError where it
/// says something and there is none.
void set_batch_norms(const config::BatchNormSection& section, const std::vector<nn::Layer*>& networks);

}  // namespace mlrun::models
