#include <cmath>

#include "optim/optimizers.h"

using namespace mlrun;

namespace {

double after_rmsprop(const Json& options, double start, const std::vector<double>& gradients, double lr) {
  auto parameter = torch::full({1}, start, torch::kFloat64).requires_grad_();
  const auto tested = test::optimizer("rmsprop", options, {{"w", parameter}});
  for (const double gradient : gradients) {
    parameter.mutable_grad() = torch::full({1}, gradient, torch::kFloat64);
    tested->step(lr);
  }
  return parameter.item<double>();
}

}  // namespace

TEST_CASE("RMSprop divides by the running root mean square", "[optim]") {
  // A constant gradient g: after k updates the mean square is g^2 (1 - alpha^k).
  double expected = 1;
  for (int k = 1; k <= 5; ++k) expected -= 0.01 * 3 / (std::sqrt(9 * (1 - std::pow(0.9, k))) + 0.5);
  CHECK(after_rmsprop({{"alpha", 0.9}, {"eps", 0.5}}, 1, std::vector<double>(5, 3.0), 0.01) ==
        Approx(expected).epsilon(1e-13));
}

TEST_CASE("RMSprop's momentum runs over normalised gradients", "[optim]") {
  const double s1 = 0.1 * 1, s2 = 0.9 * s1 + 0.1 * 4;
  const double b1 = 1 / (std::sqrt(s1) + 1e-8), b2 = 0.5 * b1 + 2 / (std::sqrt(s2) + 1e-8);
  CHECK(after_rmsprop({{"alpha", 0.9}, {"momentum", 0.5}}, 1, {1, 2}, 0.01) ==
        Approx(1 - 0.01 * (b1 + b2)).epsilon(1e-13));
}

TEST_CASE("centered RMSprop divides by the deviation", "[optim]") {
  // One update: mean square r g^2, mean r g, with r = 1 - alpha: variance r (1 - r) g^2.
  const double variance = 0.1 * 0.9 * 4;
  CHECK(after_rmsprop({{"alpha", 0.9}, {"centered", true}}, 1, {2}, 0.01) ==
        Approx(1 - 0.01 * 2 / (std::sqrt(variance) + 1e-8)).epsilon(1e-13));
}

TEST_CASE("RMSprop's weight decay is part of the gradient", "[optim]") {
  const double g = 0.5 * 2;
  CHECK(after_rmsprop({{"alpha", 0.9}, {"weight_decay", 0.5}}, 2, {0}, 0.01) ==
        Approx(2 - 0.01 * g / (std::sqrt(0.1) * g + 1e-8)).epsilon(1e-13));
}

TEST_CASE("TensorFlow's epsilon is under the root, its mean square begins at 1, its rate enters the momentum",
          "[optim]") {
  const Json inside{{"alpha", 0.9}, {"eps", 0.5}, {"eps_inside_sqrt", true}};
  CHECK(after_rmsprop(inside, 1, {2}, 0.01) == Approx(1 - 0.01 * 2 / std::sqrt(0.4 + 0.5)).epsilon(1e-13));
  Json whole = inside;
  whole.update({{"initial_square_avg", 1.0}, {"momentum", 0.5}, {"lr_in_momentum", true}});
  const double s1 = 0.9 + 0.1 * 4, s2 = 0.9 * s1 + 0.1 * 9;
  const double b1 = 0.01 * 2 / std::sqrt(s1 + 0.5), b2 = 0.5 * b1 + 0.01 * 3 / std::sqrt(s2 + 0.5);
  CHECK(after_rmsprop(whole, 1, {2, 3}, 0.01) == Approx(1 - b1 - b2).epsilon(1e-13));
  CHECK(test::broken_rule(optim::optimizers(), "rmsprop", {{"lr_in_momentum", true}}) ==
        "lr_in_momentum: needs a momentum above 0");
}
