#pragma once

#include <string>
#include <vector>

#include "data/fields.h"

namespace mlrun::data {

/// Samples as one batch. Of a field that every sample has: tensors of one shape are stacked (as `data::stack`), those
/// of several shapes are a list with one for each sample, numbers are float64 [N]; text stays with its sample and is
/// left out. UserError that names two samples where one has a field that the other lacks.
Batch stacked(std::vector<Sample> samples);

/// UserError where samples have targets, but none of this name: their source is one for other tasks.
void require_target(const std::vector<Sample>& samples, const std::string& name);

}  // namespace mlrun::data
