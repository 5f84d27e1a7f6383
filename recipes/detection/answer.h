#pragma once

#include <cstddef>

#include <torch/types.h>

#include "data/fields.h"
#include "data/sources/source.h"
#include "engine/answer.h"
#include "metrics/coco/shapes.h"
#include "recipes/detection/asking.h"

namespace mlrun::detection {

/// What the task's prediction of a batch has of one image.
Found found_in(const data::Fields& prediction, std::size_t image);

/// The rows of `found` with at least this score.
Found of_score(const Found& found, double least);

/// Where one of `found` is, as COCO's results have it: its box, and where they are there its mask and its keypoints.
metrics::CocoShape shape_of(const Found& found, std::size_t row);

/// `picture`, uint8 [H, W, C], with the boxes of `found`, their masks half covering it and their keypoints, in the
/// colours of their classes (masks of one class: each thing in its own), their names, and `scored` their scores. Where
/// there is one class names say nothing, and where there are many things words would hide them: they are left out.
torch::Tensor drawn(const data::DataInfo& info, const Found& found, const torch::Tensor& picture, bool scored);

/// What is said of an image: all that was found as JSON (with masks as COCO's compressed runs, and keypoints) and CSV,
/// what has at least `shown` as a table and, where `picture` (uint8 [H, W, C]) is defined, drawn into it.
engine::Answer answer_of(const data::DataInfo& info, const Found& found, const torch::Tensor& picture, double shown);

}  // namespace mlrun::detection
