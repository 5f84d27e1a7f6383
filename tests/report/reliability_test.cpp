#include "report/reliability.h"

#include <cmath>

#include "support.h"
#include "well_formed.h"

using namespace mlrun;
using namespace mlrun::report;
using mlrun::test::markup_fault;

TEST_CASE("a reliability diagram is read from the metric's details", "[report]") {
  const auto bins = read_reliability(Json::parse(R"([
    {"bin": 1, "low": 0.0, "high": 0.5, "samples": 0, "confidence": null, "acc1": null},
    {"bin": 2, "low": 0.5, "high": 1.0, "samples": 4, "confidence": 80.0, "acc1": 75.0}])"));
  REQUIRE(bins.size() == 2);
  CHECK(bins[0].samples == 0);
  CHECK(bins[1].low == 50);
  CHECK(bins[1].high == 100);
  CHECK(bins[1].accuracy == 75);
}

TEST_CASE("the calibration error weighs bins by their samples", "[report]") {
  const std::vector<ReliabilityBin> bins = {{0, 50, 1, 40, 100}, {50, 75, 0, 0, 0}, {75, 100, 3, 90, 70}};
  CHECK(calibration_error(bins) == Approx((60.0 + 3 * 20.0) / 4));
  CHECK(std::isnan(calibration_error({})));
  CHECK(std::isnan(calibration_error({{0, 100, 0, 0, 0}})));
}

TEST_CASE("a reliability diagram draws bars, gaps and counts of the bins that have samples", "[report]") {
  const std::string drawn =
      reliability_svg("Test & more", {{0, 50, 1, 40, 100}, {50, 75, 0, 0, 0}, {75, 100, 3, 90, 70}});
  CHECK(markup_fault(drawn) == "");
  const auto count = [&drawn](const std::string& part) {
    std::size_t found = 0;
    for (std::size_t at = drawn.find(part); at != std::string::npos; at = drawn.find(part, at + 1)) ++found;
    return found;
  };
  CHECK(count("<rect class=\"bar\"") == 2 + 1);  // and the legend's
  CHECK(count("<rect class=\"gap\"") == 2 + 1);
  CHECK(count("<rect class=\"count\"") == 2);
  CHECK(count("class=\"diagonal\"") == 1);
  CHECK(count(">ECE 30.00 %</text>") == 1);
  CHECK(count("expected calibration error 30.00 %") == 1);  // for who does not see it
  CHECK(count("mean confidence 90.00 %, accuracy 70.00 %, 3 samples") == 2);
  CHECK(reliability_svg("t", {}).find("no data") != std::string::npos);
}
