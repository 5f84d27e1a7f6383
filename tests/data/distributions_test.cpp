#include "data/distributions.h"

#include <cmath>
#include <functional>

#include "catch.h"

using namespace mlrun;
using namespace mlrun::data;

namespace {

struct Moments {
  double mean, variance;
};

Moments moments(const std::function<double(KeyedRandom&)>& draw) {
  constexpr int kDraws = 20000;
  double sum = 0, squares = 0;
  for (std::uint64_t i = 0; i < kDraws; ++i) {
    KeyedRandom random(3, "distribution test", 0, i);
    const double value = draw(random);
    REQUIRE(std::isfinite(value));
    sum += value, squares += value * value;
  }
  const double mean = sum / kDraws;
  return {mean, squares / kDraws - mean * mean};
}

}  // namespace

TEST_CASE("normal and gamma draws have the moments of their distributions", "[data][augment]") {
  const auto normal = moments(draw_normal);
  CHECK(normal.mean == Approx(0).margin(0.036));  // five standard errors
  CHECK(normal.variance == Approx(1).margin(0.05));
  for (const double shape : {0.2, 1.0, 4.5}) {
    INFO(shape);
    const auto gamma = moments([shape](KeyedRandom& random) { return draw_gamma(shape, random); });
    CHECK(gamma.mean == Approx(shape).margin(5 * std::sqrt(shape / 20000)));
    CHECK(gamma.variance == Approx(shape).epsilon(0.15));
  }
}

TEST_CASE("Dirichlet shares are positive, add up to 1 and vary as alpha says", "[data][augment]") {
  for (const double alpha : {0.5, 1.0, 3.0}) {
    INFO(alpha);
    const auto first = moments([alpha](KeyedRandom& random) {
      const auto shares = draw_dirichlet(alpha, 3, random);
      REQUIRE(shares.size() == 3);
      CHECK(shares[0] + shares[1] + shares[2] == Approx(1).margin(1e-12));
      for (const double share : shares) REQUIRE((share >= 0 && share <= 1));
      return shares[0];
    });
    CHECK(first.mean == Approx(1.0 / 3).margin(0.015));
    CHECK(first.variance == Approx(2.0 / (9 * (3 * alpha + 1))).epsilon(0.06));
  }
  KeyedRandom random(1, "tiny alpha");
  const auto shares = draw_dirichlet(1e-320, 4, random);
  CHECK(shares[0] + shares[1] + shares[2] + shares[3] == 1);
}
