#include "metrics/temperature.h"

#include <algorithm>
#include <cmath>

#include <torch/utils.h>

#include "base/error.h"

namespace mlrun::metrics {
namespace {

constexpr double kLeast = 1e-4, kMost = 1e4;  // of 1 / temperature
constexpr std::int64_t kRows = 4096;          // at a time, for memory

/// The mean negative log-likelihood as a function of 1 / temperature, which is convex.
struct Likelihood {
  double value = 0, slope = 0, curvature = 0;
};

Likelihood at(double scale, const torch::Tensor& logits, const torch::Tensor& labels) {
  Likelihood sum;
  for (std::int64_t first = 0; first < logits.size(0); first += kRows) {
    const torch::Tensor z = logits.slice(0, first, first + kRows).to(torch::kDouble);
    const torch::Tensor right = z.gather(1, labels.slice(0, first, first + kRows).unsqueeze(1)).squeeze(1);
    const torch::Tensor logs = (z * scale).log_softmax(1), shares = logs.exp();
    // A logit of minus infinity is a probability of 0, and 0 times infinity nothing.
    const torch::Tensor finite = z.masked_fill(shares.eq(0), 0);
    const torch::Tensor mean = (shares * finite).sum(1);
    sum.value += ((z * scale).logsumexp(1) - right * scale).sum().item<double>();
    sum.slope += (mean - right).sum().item<double>();
    sum.curvature += ((shares * finite * finite).sum(1) - mean * mean).sum().item<double>();
  }
  const auto rows = static_cast<double>(logits.size(0));
  return {sum.value / rows, sum.slope / rows, sum.curvature / rows};
}

void check_slopes(double least, double most) {
  if (least >= 0) {
    throw UserError("no temperature fits: the model says no more than chance about these samples",
                    "train it further, or calibrate on samples like those it learnt");
  }
  if (most > 0) return;
  throw UserError("no temperature fits: the model is right about every sample, which tells nothing of its mistakes",
                  "calibrate on a larger split");
}

}  // namespace

Temperature fit_temperature(const torch::Tensor& logits, const torch::Tensor& labels) {
  MLRUN_ASSERT(logits.dim() == 2 && labels.dim() == 1 && logits.size(0) == labels.size(0) && logits.size(0) > 0,
               "temperatures are fitted to logits [N, C] and labels [N]");
  constexpr int kIterations = 200;
  constexpr double kClose = 1e-13;
  const torch::NoGradGuard no_gradients;
  double low = kLeast, high = kMost, scale = 1;
  check_slopes(at(low, logits, labels).slope, at(high, logits, labels).slope);
  for (int i = 0; i < kIterations; ++i) {  // Newton's steps, and halves of what is left where they lead out of it
    const Likelihood here = at(scale, logits, labels);
    (here.slope > 0 ? high : low) = scale;
    double next = scale - here.slope / here.curvature;
    if (!(next > low && next < high)) next = std::sqrt(low * high);
    const bool close = std::abs(next - scale) <= kClose * scale;
    scale = next;
    if (close) break;
  }
  return {1 / scale, at(1, logits, labels).value, at(scale, logits, labels).value};
}

}  // namespace mlrun::metrics
