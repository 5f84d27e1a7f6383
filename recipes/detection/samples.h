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

/// What a sample says of its objects, a row each: `boxes` float32 [N, 4] in pixels, `labels` int64 (the class), `crowd`
/// bool (a box around many), `area` float64 in square pixels, `object_ids` int64, and where the data have them
/// `difficult` bool, `masks` uint8 [N, H, W] and `keypoints` float32 [N, K, 3].
const std::vector<std::string>& object_fields();

/// How those of a data set follow their image.
data::Followers object_followers(const data::DataInfo& info);

/// Samples of `prepared` without the objects that left their image.
std::shared_ptr<const data::Source> keep_visible(std::shared_ptr<const data::Source> prepared);

/// A list with a tensor for each sample under every name that they have; UserError where their source has no boxes.
data::Batch listed(std::vector<data::Sample> samples);

/// What a field of a batch has, one tensor for each sample.
const std::vector<torch::Tensor>& list_of(const data::Fields& fields, const std::string& name);

}  // namespace mlrun::detection
