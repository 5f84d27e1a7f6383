#pragma once

#include <cstdint>

#include <torch/types.h>

#include "data/image/view.h"
#include "data/taps.h"

namespace mlrun::data {

/// The whole image; InternalError unless it is contiguous uint8 [H, W, C]. Valid while `image` is.
ImageView view_of(const torch::Tensor& image);

/// The rectangle of `height` x `width` pixels at (`top`, `left`), which must lie inside `view`.
ImageView crop(const ImageView& view, std::int64_t top, std::int64_t left, std::int64_t height, std::int64_t width);

/// A copy of the view as a uint8 [H, W, C] tensor.
torch::Tensor to_tensor(const ImageView& view);

/// The view at another size, uint8 [height, width, C], with the bits that Pillow 9.4.0's
/// `Image.resize` gives: antialiased when it shrinks, 22-bit fixed-point weights, first along rows
/// and then along columns, each pass rounded to uint8. Sizes must be positive.
torch::Tensor resize(const ImageView& view, std::int64_t height, std::int64_t width, Interpolation interpolation);

}  // namespace mlrun::data
