#include "data/distributions.h"

#include <cmath>

namespace mlrun::data {

double draw_normal(KeyedRandom& random) {
  constexpr double kTurn = 6.283185307179586;
  const double radius = std::sqrt(-2.0 * std::log(1.0 - random.uniform()));  // 1 - u is never 0
  return radius * std::cos(kTurn * random.uniform());
}

double draw_gamma(double shape, KeyedRandom& random) {
  if (shape < 1) return draw_gamma(shape + 1, random) * std::pow(1.0 - random.uniform(), 1.0 / shape);
  const double d = shape - 1.0 / 3.0, c = 1.0 / std::sqrt(9.0 * d);
  for (;;) {
    const double x = draw_normal(random), root = 1.0 + c * x;
    const double u = 1.0 - random.uniform();
    if (root <= 0) continue;
    const double v = root * root * root;
    if (std::log(u) < 0.5 * x * x + d - d * v + d * std::log(v)) return d * v;
  }
}

std::vector<double> draw_dirichlet(double alpha, std::size_t count, KeyedRandom& random) {
  std::vector<double> shares(count);
  double sum = 0;
  for (double& share : shares) sum += share = draw_gamma(alpha, random);
  // With a tiny alpha every draw may round to 0: then one share, drawn evenly, is all there is.
  if (sum == 0) shares[random.below(count)] = sum = 1;
  for (double& share : shares) share /= sum;
  return shares;
}

}  // namespace mlrun::data
