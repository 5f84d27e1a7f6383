#include "report/figure.h"

#include <limits>

#include "figures.h"
#include "support.h"

using namespace mlrun;
using report::Better;
using report::Figure;
using report::Figures;

TEST_CASE("which of two values is better", "[report]") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(report::is_better(Better::Higher, 2, 1));
  CHECK_FALSE(report::is_better(Better::Higher, 1, 1));
  CHECK(report::is_better(Better::Lower, 1, 2));
  CHECK_FALSE(report::is_better(Better::Lower, 2, 1));
  CHECK(report::is_better(Better::Lower, 1, 2, 0.9));
  CHECK_FALSE(report::is_better(Better::Lower, 1, 2, 1));
  for (const auto better : {Better::Higher, Better::Lower}) {
    CHECK(report::is_better(better, 1, nan));
    CHECK_FALSE(report::is_better(better, nan, 1));
    CHECK_FALSE(report::is_better(better, nan, nan));
  }
}

TEST_CASE("what a figure lost", "[report]") {
  CHECK(report::loss_of({"acc1", 90}, 92) == 2);
  CHECK(report::loss_of({"rmse", 3, Better::Lower, 1, "K"}, 2) == 1);
  CHECK(report::loss_of({"rmse", 1.5, Better::Lower, 1, "K"}, 2) == -0.5);
}

TEST_CASE("prefixed figures keep how they are read", "[report]") {
  Figures figures = {{"acc1", 90}};
  report::append(figures, report::prefixed("ema_", {{"rmse", 3, Better::Lower, 1, "K"}}));
  CHECK(figures == Figures{{"acc1", 90}, {"ema_rmse", 3, Better::Lower, 1, "K"}});
  REQUIRE(report::find(figures, "ema_rmse") != nullptr);
  CHECK(report::value_text(*report::find(figures, "ema_rmse")) == "3.0");
  CHECK(report::find(figures, "rmse") == nullptr);
  CHECK(report::values_json(figures) == Json{{"acc1", 90.0}, {"ema_rmse", 3.0}});
}
