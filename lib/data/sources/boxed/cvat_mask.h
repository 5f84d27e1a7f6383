#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "data/image/run_lengths.h"

namespace mlrun::data {

/// A mask of CVAT's: runs of 0 and 1 in turn along the rows of a part of the image (left, top, width, height). Nothing
/// where they do not fill it, or it does not lie in an image of this size.
std::optional<RunLengths> cvat_mask(std::string_view runs, const std::vector<double>& part, std::int64_t height,
                                    std::int64_t width);

}  // namespace mlrun::data
