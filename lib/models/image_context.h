#pragma once

#include <cstdint>

#include "config/recipe.h"
#include "data/transforms/transform.h"

namespace mlrun::models {

/// What the section's model, with its weights, wants of images with `channels` channels (`preprocessing_facts`).
data::TransformContext transform_context(const config::ModelSection& section, std::int64_t channels);

}  // namespace mlrun::models
