#include "report/spread.h"

#include <cmath>
#include <limits>

#include "support.h"

using namespace mlrun::report;

TEST_CASE("several measurements have a mean and the sample's standard deviation", "[report]") {
  // 2, 4, 4, 4, 5, 5, 7, 9: squares of the differences to 5 sum to 32.
  const Spread spread = spread_of({2, 4, 4, 4, 5, 5, 7, 9});
  CHECK(spread.n == 8);
  CHECK(spread.mean == 5);
  CHECK(spread.deviation == Approx(std::sqrt(32.0 / 7)));
  CHECK(spread_text(spread, 2) == "5.00 ± 2.14");
  CHECK(spread_of({91.5, 92.5}).deviation == Approx(std::sqrt(0.5)));
  CHECK(spread_of({1e9 + 1, 1e9 + 2, 1e9 + 3}).deviation == Approx(1));
}

TEST_CASE("one measurement has no deviation, none no mean", "[report]") {
  CHECK(spread_text(spread_of({91.256}), 2) == "91.26");
  CHECK(std::isnan(spread_of({91.256}).deviation));
  CHECK(spread_text(spread_of({}), 2) == "-");
  CHECK(std::isnan(spread_of({}).mean));
  CHECK(spread_text(spread_of({1, std::numeric_limits<double>::quiet_NaN()}), 1) == "nan ± nan");
}
