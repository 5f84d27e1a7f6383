#include <algorithm>
#include <cmath>
#include <limits>

#include <torch/types.h>
#include <torch/utils.h>

#include "base/error.h"
#include "quant/histogram_search.h"
#include "quant/range_observers.h"

namespace mlrun::quant {
namespace {

constexpr std::int64_t kFine = 128;  // parts that a bin is cut into when the range grows

/// Counts in a range whose ends are cut to integers: torch.ao's, which is seen in the parameters that result.
torch::Tensor count(const torch::Tensor& values, const torch::Tensor& least, const torch::Tensor& most) {
  return torch::histc(values, kBins, std::trunc(least.item<double>()), std::trunc(most.item<double>()));
}

/// How a grown range lies over the bins before: each of the new bins is `coarse` of the fine parts wide, and the old
/// histogram begins at part `start`.
struct Grid {
  std::int64_t coarse = kFine, start = 0;
};

/// `counts` in the bins of `grid`. One running sum in double stands for the histogram of all fine parts, which would
/// not fit into memory where a range has grown much.
torch::Tensor resampled(const torch::Tensor& counts, const Grid& grid) {
  torch::Tensor result = torch::zeros_like(counts);
  const float* old = counts.data_ptr<float>();
  auto* bins = result.data_ptr<float>();
  double sum = 0;
  std::int64_t part = 0;  // of the old histogram, next to be summed
  float before = 0;
  for (std::int64_t bin = 0; bin < kBins; ++bin) {
    const std::int64_t end = std::clamp<std::int64_t>((bin + 1) * grid.coarse - grid.start, 0, kBins * kFine);
    for (; part < end; ++part) sum += static_cast<double>(old[part / kFine]);
    bins[bin] = static_cast<float>((sum - static_cast<double>(before)) / kFine);
    before = static_cast<float>(sum);
  }
  return result;
}

/// Whether a range is so much wider than the one before that this is a point of it.
bool beyond_fine_grid(const torch::Tensor& part, const torch::Tensor& span) {
  constexpr double kMost = 1e12;
  return !((span / (part * kBins)).item<double>() < kMost);
}

}  // namespace

void HistogramObserver::observe(const torch::Tensor& values) {
  if (values.numel() == 0) return;
  const torch::NoGradGuard no_gradients;
  const torch::Tensor numbers = values.detach().to(torch::kCPU, torch::kFloat);
  const auto [least, most] = torch::aminmax(numbers);
  if (!std::isfinite(least.item<float>()) || !std::isfinite(most.item<float>())) {
    throw UserError("values that are to become int8 are not finite", "look at the model's weights and at the samples");
  }
  // A range of one value cannot be divided into bins: torch.ao begins anew, too.
  if (!ready() || least_.item<float>() == most_.item<float>()) begin(numbers, least, most);
  else extend(numbers, least, most);
}

void HistogramObserver::begin(const torch::Tensor& values, const torch::Tensor& least, const torch::Tensor& most) {
  least_ = least;
  most_ = most;
  counts_ = count(values, least, most);
}

void HistogramObserver::extend(const torch::Tensor& values, const torch::Tensor& least, const torch::Tensor& most) {
  const torch::Tensor low = torch::minimum(least, least_), high = torch::maximum(most, most_);
  const torch::Tensor part = (most_ - least_) / (kBins * kFine);
  if (beyond_fine_grid(part, high - low)) return extend_far(values, low, high);
  const torch::Tensor bins = kBins * part;
  Grid grid;
  grid.coarse = static_cast<std::int64_t>(torch::ceil((high - low) / bins).item<double>());
  grid.start = static_cast<std::int64_t>(torch::round((least_ - low) / part).item<double>());
  const torch::Tensor top = high + (grid.coarse * bins - (high - low));
  const torch::Tensor counted = count(values, low, top);
  const bool same = low.item<float>() == least_.item<float>() && top.item<float>() == most_.item<float>();
  counts_ = counted + (same ? counts_ : resampled(counts_, grid));
  least_ = low;
  most_ = top;
}

void HistogramObserver::extend_far(const torch::Tensor& values, const torch::Tensor& low, const torch::Tensor& high) {
  const double share = ((least_ - low) / (high - low)).item<double>();
  const auto bin = std::clamp<std::int64_t>(static_cast<std::int64_t>(share * kBins), 0, kBins - 1);
  const torch::Tensor before = counts_.sum();
  begin(values, low, high);
  counts_[bin] += before;
}

Affine HistogramObserver::affine() const {
  MLRUN_ASSERT(ready(), "nothing was observed");
  const auto [first, last] = least_error_bins(counts_, most_.item<double>() - least_.item<double>());
  const torch::Tensor width = (most_ - least_) / kBins;
  return affine_of(least_ + width * first, least_ + width * (last + 1), target());
}

void HistogramObserver::save(data::State& state, const std::string& prefix) const {
  if (!ready()) return;
  state.put(prefix + "counts", counts_);
  state.put(prefix + "least", least_);
  state.put(prefix + "most", most_);
}

void HistogramObserver::load(const data::State& state, const std::string& prefix) {
  counts_ = least_ = most_ = torch::Tensor();
  if (!state.has(prefix + "counts")) return;
  counts_ = state.tensor(prefix + "counts").clone();
  least_ = state.tensor(prefix + "least").clone();
  most_ = state.tensor(prefix + "most").clone();
}

}  // namespace mlrun::quant
