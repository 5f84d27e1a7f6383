#pragma once

#include <cstdint>
#include <vector>

#include <torch/types.h>

#include "data/image/view.h"

namespace mlrun::data {

/// Stands for a row or column that is none of the image's.
constexpr std::int64_t kNowhere = -1;

/// For each row (or column) of a result the one of an image that it is read from.
using Positions = std::vector<std::int64_t>;

/// Writes the pixels in which `rows` and `columns` of `image` meet, in that order, one row behind the other, to `out`;
/// the pixel `fill` where either is kNowhere. A pixel is `channels` bytes, whatever they are.
void gather(const ImageView& image, const Positions& rows, const Positions& columns, const std::uint8_t* fill,
            std::uint8_t* out);
/// The same of an image, uint8 [H, W, C].
torch::Tensor gathered(const torch::Tensor& image, const Positions& rows, const Positions& columns, const Fill& fill);

}  // namespace mlrun::data
