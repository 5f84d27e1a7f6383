#pragma once

#include <torch/types.h>

namespace mlrun::metrics {

/// What logits are divided by so that their probabilities can be trusted.
struct Temperature {
  double value = 1;
  double before = 0, after = 0;  ///< mean negative log-likelihood in nats, with temperature 1 and this one
};

/// Temperature scaling (Guo et al., "On Calibration of Modern Neural Networks", ICML 2017): the temperature with the
/// least mean negative log-likelihood, of floating logits [N, C] and right classes int64 [N], found in float64 to the
/// last digits. UserError where there is none: every sample is right, so that there is no end to the confidence, or the
/// logits say no more than chance.
Temperature fit_temperature(const torch::Tensor& logits, const torch::Tensor& labels);

}  // namespace mlrun::metrics
