#include <cmath>

#include "optim/optimizers.h"

using namespace mlrun;

namespace {

double after(const char* name, const Json& options, double start, const std::vector<double>& gradients, double lr) {
  auto parameter = torch::full({1}, start, torch::kFloat64).requires_grad_();
  const auto tested = test::optimizer(name, options, {{"w", parameter}});
  for (const double gradient : gradients) {
    parameter.mutable_grad() = torch::full({1}, gradient, torch::kFloat64);
    tested->step(lr);
  }
  return parameter.item<double>();
}

}  // namespace

TEST_CASE("Adam's corrected means of a constant gradient are that gradient", "[optim]") {
  // Each of n updates is lr g / (|g| + eps), whatever the betas.
  for (const double g : {3.0, -0.02}) {
    const double expected = 1 - 10 * 0.01 * g / (std::abs(g) + 1e-3);
    CHECK(after("adam", {{"eps", 1e-3}}, 1, std::vector<double>(10, g), 0.01) == Approx(expected).epsilon(1e-12));
  }
}

TEST_CASE("Adam's second update by hand", "[optim]") {
  // m = b1 (1 - b1) g1 + (1 - b1) g2 over 1 - b1^2; v likewise.
  const double m1 = 1, v1 = 1;
  const double m2 = (0.8 * 0.2 * 1 + 0.2 * 2) / (1 - 0.64), v2 = (0.9 * 0.1 * 1 + 0.1 * 4) / (1 - 0.81);
  const double expected = 1 - 0.1 * m1 / (std::sqrt(v1) + 1e-8) - 0.1 * m2 / (std::sqrt(v2) + 1e-8);
  CHECK(after("adam", {{"betas", {0.8, 0.9}}}, 1, {1, 2}, 0.1) == Approx(expected).epsilon(1e-13));
}

TEST_CASE("amsgrad divides by the largest mean square", "[optim]") {
  // With betas [0, 0.5]: v = 8, then 4 (gradient 0), then 2.5; the largest stays 8.
  const double correction3 = 1 - 0.125;
  const Json betas{{"betas", {0.0, 0.5}}};
  const double plain = after("adam", betas, 1, {4, 0, 1}, 0.1);
  const double largest = after("adam", {{"betas", {0.0, 0.5}}, {"amsgrad", true}}, 1, {4, 0, 1}, 0.1);
  const double first = 1 - 0.1 * 4 / (std::sqrt(8 / 0.5) + 1e-8);
  CHECK(plain == Approx(first - 0.1 / (std::sqrt(2.5 / correction3) + 1e-8)).epsilon(1e-13));
  CHECK(largest == Approx(first - 0.1 / (std::sqrt(8 / correction3) + 1e-8)).epsilon(1e-13));
}

TEST_CASE("Adam's weight decay is part of the gradient, AdamW's is not", "[optim]") {
  const Json decay{{"weight_decay", 0.5}};
  // Adam: the gradient is 0.5 * 2 = 1, normalised to 1. AdamW: no gradient, w <- w (1 - lr d).
  CHECK(after("adam", decay, 2, {0}, 0.1) == Approx(2 - 0.1 / (1 + 1e-8)).epsilon(1e-14));
  CHECK(after("adamw", decay, 2, {0, 0}, 0.1) == Approx(2 * 0.95 * 0.95).epsilon(1e-14));
  CHECK(after("adamw", Json::object(), 2, {0}, 0.1) == Approx(2 * (1 - 0.1 * 0.01)).epsilon(1e-14));
  CHECK(after("adam", Json::object(), 2, {0}, 0.1) == 2);
}
