#include "quant/histogram_search.h"

#include <algorithm>
#include <array>
#include <limits>
#include <vector>

#include <torch/types.h>

namespace mlrun::quant {
namespace {

constexpr std::int64_t kSteps = 256;  // whatever the target's range is, as torch.ao has it

/// The integral of x^2 from `begin` to `end`.
float squares(float begin, float end) { return (end * end * end - begin * begin * begin) / 3.0F; }

/// The step of `width` that `value` lies in. The quotient in double is exact enough for the floor of a float's.
float step_of(float value, float width) {
  const double quotient = static_cast<double>(value) / static_cast<double>(width);
  const double most = kSteps - 1;
  const double within = quotient > 0 ? (quotient < most ? quotient : most) : 0;
  return static_cast<float>(static_cast<std::int32_t>(within));
}

/// Squared error where bins `first` to `last` are divided into the steps. Operations and their precision are those of
/// torch.ao's tensors (float32 from double scalars), so that the same bins win.
double rounding_error(const torch::Tensor& counts, double bin_width, std::int64_t first, std::int64_t last) {
  const double step_width = bin_width * static_cast<double>(last - first + 1) / kSteps;
  if (step_width == 0) return 0;
  const auto bin = static_cast<float>(bin_width), step = static_cast<float>(step_width);
  const auto half = static_cast<float>(step_width / 2);
  const float whole = squares(-half, half);
  torch::Tensor errors = torch::empty_like(counts);
  const float* count = counts.data_ptr<float>();
  auto* error = errors.data_ptr<float>();
  for (std::int64_t i = 0; i < kBins; ++i) {
    const float begin = static_cast<float>(i - first) * bin, end = begin + bin;
    const float step_of_begin = step_of(begin, step), step_of_end = step_of(end, step);
    const float density = count[i] / bin;
    float sum = density * squares(begin - (step_of_begin + 0.5F) * step, half);
    sum += (step_of_end - step_of_begin - 1.0F) * (density * whole);
    sum += density * squares(-half, end - (step_of_end * step + half));
    error[i] = sum;
  }
  return errors.sum().item<double>();
}

}  // namespace

std::pair<std::int64_t, std::int64_t> least_error_bins(const torch::Tensor& counts, double width) {
  constexpr double kShare = 1e-5;  // of the samples, given up at a time
  const double total = counts.sum().item<double>();
  const torch::Tensor summed = counts.cumsum(0);
  const float* below = summed.data_ptr<float>();
  double low = 0, high = 1, best = std::numeric_limits<double>::infinity();
  std::int64_t first = 0, last = kBins - 1;
  while (low < high) {
    const double next_low = low + kShare, next_high = high - kShare;
    std::int64_t left = first, right = last;
    while (left < last && below[left] < static_cast<float>(next_low * total)) ++left;
    while (right > first && below[right] > static_cast<float>(next_high * total)) --right;
    const bool from_left = left - first > last - right;
    (from_left ? low : high) = from_left ? next_low : next_high;
    const std::int64_t next_first = from_left ? left : first, next_last = from_left ? last : right;
    if (next_first == first && next_last == last) continue;
    const double error = rounding_error(counts, width / kBins, next_first, next_last);
    if (error > best) break;
    best = error;
    first = next_first;
    last = next_last;
  }
  return {first, last};
}

}  // namespace mlrun::quant
