#pragma once

#include <string>

#include <torch/types.h>

#include "deploy/parity.h"

namespace mlrun::deploy {

/// Runs both, image by image, on `images` [N, C, H, W] and looks for a counterpart of everything that either found: one
/// of the same label whose score and box (as shares of 1 and of the image's longer side) differ by no more than the
/// tolerance. Of a hundred one at most may have none: scores and overlaps so near to each other, or to a threshold,
/// that rounding decides.
Parity compare_found(const std::string& engine, const Runner& model, const Runner& exported,
                     const torch::Tensor& images, const Tolerance& tolerance);

}  // namespace mlrun::deploy
