#pragma once

#include <cstdint>

#include <torch/types.h>

namespace mlrun::quant {

constexpr std::int64_t kBins = 2048;

/// The first and last bin of `counts` (float32 [kBins], over `width` values) that are best kept: bins are given up from
/// the side where fewer samples go, as long as the squared error of rounding what is left to 256 steps, and of clipping
/// what is not, falls.
std::pair<std::int64_t, std::int64_t> least_error_bins(const torch::Tensor& counts, double width);

}  // namespace mlrun::quant
