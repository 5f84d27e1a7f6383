#pragma once

#include <torch/types.h>

#include "data/sources/source.h"
#include "engine/answer.h"
#include "recipes/detection/asking.h"

namespace mlrun::detection {

/// The rows of `found` with at least this score.
Found of_score(const Found& found, double least);

/// `picture`, uint8 [H, W, C], with the boxes of `found` in the colours of their classes, their names, and `scored`
/// their scores.
torch::Tensor drawn(const data::DataInfo& info, const Found& found, const torch::Tensor& picture, bool scored);

/// What is said of an image: all that was found as JSON and CSV, what has at least `shown` as a table and, where
/// `picture` (uint8 [H, W, C]) is defined, drawn into it.
engine::Answer answer_of(const data::DataInfo& info, const Found& found, const torch::Tensor& picture, double shown);

}  // namespace mlrun::detection
