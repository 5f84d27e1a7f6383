#include "nn/keras_init.h"

#include <cmath>

#include "nn/init.h"

namespace mlrun::nn::init {
namespace {

struct Fans {
  double in, out;
};

Fans fans_of(const torch::Tensor& weight, bool depthwise) {
  const int64_t window = weight.numel() / weight.size(0) / weight.size(1);
  if (depthwise) return {static_cast<double>(weight.numel()), static_cast<double>(window)};
  return {static_cast<double>(window * weight.size(1)), static_cast<double>(window * weight.size(0))};
}

}  // namespace

void variance_scaling(torch::Tensor weight, bool depthwise) {
  constexpr double kDeviationOfCut = 0.87962566103423978;  // of a standard normal cut off at -2 and 2
  const double deviation = std::sqrt(1 / fans_of(weight, depthwise).in) / kDeviationOfCut;
  trunc_normal(weight, 0, deviation, -2 * deviation, 2 * deviation);
}

void glorot_uniform(torch::Tensor weight, bool depthwise) {
  const Fans fans = fans_of(weight, depthwise);
  init::uniform(weight, std::sqrt(6 / (fans.in + fans.out)));
}

}  // namespace mlrun::nn::init
