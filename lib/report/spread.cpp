#include "report/spread.h"

#include <cmath>
#include <limits>

#include "report/format.h"

namespace mlrun::report {

Spread spread_of(const std::vector<double>& values) {
  constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();
  Spread spread{static_cast<std::int64_t>(values.size()), kUndefined, kUndefined};
  if (values.empty()) return spread;
  const auto n = static_cast<double>(values.size());
  double sum = 0;
  for (const double value : values) sum += value;
  spread.mean = sum / n;
  if (values.size() < 2) return spread;
  double squares = 0;
  for (const double value : values) squares += (value - spread.mean) * (value - spread.mean);
  spread.deviation = std::sqrt(squares / (n - 1));
  return spread;
}

std::string spread_text(const Spread& spread, int digits) {
  if (spread.n == 0) return "-";
  if (spread.n == 1) return fixed(spread.mean, digits);
  return fixed(spread.mean, digits) + " ± " + fixed(spread.deviation, digits);
}

}  // namespace mlrun::report
