#pragma once

#include <functional>

#include <torch/types.h>

#include "recipes/detection/asking.h"

/// Large images tile by tile.
namespace mlrun::detection {

/// What a model finds in an image or a part of one [C, H, W], in its pixels.
using Detect = std::function<Found(const torch::Tensor& image)>;

/// What `detect` finds in `image` as the settings ask: in all of it, or in tiles that overlap, and then in all of it.
/// What several of them see is one box: a part that a border cuts gives its score to a whole box that covers more than
/// `tile_merge` of it, and of what is left the worse goes where it shares more than that of the smaller one with a
/// better one of another tile. Boxes of one tile were held against each other by the model.
Found detect_tiled(const AnswerSettings& settings, const torch::Tensor& image, const Detect& detect);

}  // namespace mlrun::detection
