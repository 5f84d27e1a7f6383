#include <cmath>

#include "optim/optimizers.h"

using namespace mlrun;

namespace {

/// The parameter after `gradients`, one update each, from `start`, in float64.
double after_sgd(const Json& options, double start, const std::vector<double>& gradients, double lr) {
  auto parameter = torch::full({1}, start, torch::kFloat64).requires_grad_();
  const auto tested = test::optimizer("sgd", options, {{"w", parameter}});
  for (const double gradient : gradients) {
    parameter.mutable_grad() = torch::full({1}, gradient, torch::kFloat64);
    tested->step(lr);
  }
  return parameter.item<double>();
}

}  // namespace

TEST_CASE("SGD without momentum goes against the gradient", "[optim]") {
  CHECK(after_sgd(Json::object(), 1, {2, -3}, 0.1) == Approx(1 - 0.1 * 2 + 0.1 * 3).epsilon(1e-14));
  // w <- w - lr (g + d w), twice with g = 0: w (1 - lr d)^2
  CHECK(after_sgd({{"weight_decay", 0.5}}, 4, {0, 0}, 0.1) == Approx(4 * 0.95 * 0.95).epsilon(1e-14));
}

TEST_CASE("SGD's momentum sums gradients geometrically", "[optim]") {
  const double m = 0.9, lr = 0.1;
  const double b1 = 1, b2 = m * b1 + 2, b3 = m * b2 - 3;
  CHECK(after_sgd({{"momentum", m}}, 5, {1, 2, -3}, lr) == Approx(5 - lr * (b1 + b2 + b3)).epsilon(1e-14));
  // A constant gradient 1: the k-th buffer is (1 - m^k) / (1 - m).
  double expected = 5;
  for (int k = 1; k <= 20; ++k) expected -= lr * (1 - std::pow(m, k)) / (1 - m);
  CHECK(after_sgd({{"momentum", m}}, 5, std::vector<double>(20, 1.0), lr) == Approx(expected).epsilon(1e-13));
}

TEST_CASE("SGD's first buffer is not dampened", "[optim]") {
  const double b1 = 1, b2 = 0.5 * b1 + (1 - 0.25) * 2;
  CHECK(after_sgd({{"momentum", 0.5}, {"dampening", 0.25}}, 1, {1, 2}, 0.1) ==
        Approx(1 - 0.1 * (b1 + b2)).epsilon(1e-14));
}

TEST_CASE("Nesterov momentum looks one update ahead", "[optim]") {
  const double m = 0.9, b1 = 1, b2 = m * b1 + 2;
  const double expected = 1 - 0.1 * (1 + m * b1) - 0.1 * (2 + m * b2);
  CHECK(after_sgd({{"momentum", m}, {"nesterov", true}}, 1, {1, 2}, 0.1) == Approx(expected).epsilon(1e-14));
}

TEST_CASE("Nesterov needs momentum without dampening", "[optim]") {
  const auto rule = [](const Json& options) { return test::broken_rule(optim::optimizers(), "sgd", options); };
  CHECK(rule({{"nesterov", true}}) == "nesterov: Nesterov momentum needs a momentum above 0");
  CHECK(rule({{"nesterov", true}, {"momentum", 0.9}, {"dampening", 0.1}}) ==
        "nesterov: Nesterov momentum needs dampening: 0");
  CHECK(rule({{"nesterov", true}, {"momentum", 0.9}}).empty());
  CHECK(rule({{"momentum", 0.9}, {"dampening", 0.1}}).empty());
}
