#pragma once

#include <cstdint>
#include <vector>

#include "config/recipe.h"
#include "data/sources/source.h"

namespace mlrun::detection {

/// The architecture as the recipe's weights want it, and the numbers that its head may have for the data's classes.
struct KnownClasses {
  config::Component architecture;
  std::vector<std::int64_t> categories;  ///< of each class, as `HeadLabels` takes them
};

/// Published weights keep their head where the names of all of the data's classes are among theirs, or where it has as
/// many outputs as the data need. UserError where neither is so and the recipe does not start the head anew.
KnownClasses known_classes(const config::ModelSection& model, const data::DataInfo& info);

}  // namespace mlrun::detection
