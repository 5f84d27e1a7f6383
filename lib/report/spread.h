#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace mlrun::report {

/// Several measurements of one figure, as of runs that differ in their seed alone.
struct Spread {
  std::int64_t n = 0;
  double mean = 0;       ///< NaN where n is 0
  double deviation = 0;  ///< the sample's standard deviation (divisor n - 1); NaN where n is below 2
};

/// NaN among `values` makes both NaN.
Spread spread_of(const std::vector<double>& values);

/// `91.23 ± 0.31`; without a deviation where there is none; `-` for no values.
std::string spread_text(const Spread& spread, int digits);

}  // namespace mlrun::report
