#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <torch/types.h>

#include "data/fields.h"
#include "data/sources/source.h"
#include "data/transforms/follower.h"

/// Images and what is in them, on the way to a detector.
namespace mlrun::detection {

/// Samples of `prepared` without the objects that left their image; `followers` are `data::box_followers`.
std::shared_ptr<const data::Source> keep_visible(std::shared_ptr<const data::Source> prepared,
                                                 const data::Followers& followers);

/// A list with a tensor for each sample under every name that they have; UserError where their source has no boxes.
data::Batch listed(std::vector<data::Sample> samples);

/// What a field of a batch has, one tensor for each sample.
const std::vector<torch::Tensor>& list_of(const data::Fields& fields, const std::string& name);

}  // namespace mlrun::detection
