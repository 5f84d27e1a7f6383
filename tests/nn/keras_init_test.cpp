#include "nn/keras_init.h"

#include <cmath>

#include <torch/types.h>
#include <torch/utils.h>

#include "base/torch_compat.h"
#include "support.h"

using namespace mlrun;

namespace {

double deviation(const torch::Tensor& weight) { return weight.std().item<double>(); }
double largest(const torch::Tensor& weight) { return weight.abs().max().item<double>(); }

}  // namespace

TEST_CASE("Keras's variance scaling is by the fan-in, cut off at two deviations", "[nn]") {
  compat::manual_seed(0);
  auto weight = torch::empty({256, 64, 3, 3});
  nn::init::variance_scaling(weight, false);
  const double expected = std::sqrt(1.0 / (64 * 9));
  CHECK(deviation(weight) == Approx(expected).epsilon(0.01));
  CHECK(largest(weight) <= 2 * expected / 0.8796);
  CHECK(largest(weight) >= 1.98 * expected / 0.8796);
  // Keras stores a depthwise kernel as [3, 3, channels, 1]: all channels count as its fan-in.
  auto depthwise = torch::empty({4096, 1, 3, 3});
  nn::init::variance_scaling(depthwise, true);
  CHECK(deviation(depthwise) == Approx(std::sqrt(1.0 / (4096 * 9))).epsilon(0.01));
}

TEST_CASE("Glorot's limits are by both fans", "[nn]") {
  compat::manual_seed(0);
  auto weight = torch::empty({256, 64, 3, 3});
  nn::init::glorot_uniform(weight, false);
  const double limit = std::sqrt(6.0 / (9 * (256 + 64)));
  CHECK(deviation(weight) == Approx(limit / std::sqrt(3.0)).epsilon(0.01));
  CHECK(largest(weight) <= limit);
  CHECK(largest(weight) >= 0.99 * limit);
  auto depthwise = torch::empty({4096, 1, 5, 5});
  nn::init::glorot_uniform(depthwise, true);
  CHECK(deviation(depthwise) == Approx(std::sqrt(2.0 / (25 * 4096 + 25))).epsilon(0.01));
}
