#pragma once

#include <cstddef>
#include <vector>

#include "base/random.h"

/// Draws from distributions other than the uniform one.
namespace mlrun::data {

/// Standard normal (Box and Muller); takes two uniform draws.
double draw_normal(KeyedRandom& random);

/// Gamma with scale 1 (Marsaglia and Tsang, "A simple method for generating gamma variables", 2000); `shape` above 0.
double draw_gamma(double shape, KeyedRandom& random);

/// `count` shares that add up to 1, symmetric Dirichlet with `alpha` above 0.
std::vector<double> draw_dirichlet(double alpha, std::size_t count, KeyedRandom& random);

}  // namespace mlrun::data
