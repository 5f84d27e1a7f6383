#include "metrics/coco/errors.h"

#include <cmath>

#include "metrics/coco/cases.h"

namespace mlrun::metrics {

TEST_CASE("kinds of errors and what they cost are TIDE's", "[metrics][coco]") {
  const auto& one = test::coco_case_of("errors");
  const auto costs = error_costs(one.evaluated());
  const Json& expected = one.found.at("errors");
  REQUIRE(costs.size() == expected.size());
  for (std::size_t i = 0; i < costs.size(); ++i) {
    INFO(costs[i].name);
    CHECK(costs[i].count == expected[i].at("count").get<std::int64_t>());
    CHECK(std::abs(costs[i].gain - expected[i].at("gain").get<double>()) < 1e-12);
  }
}

TEST_CASE("errors are the same however the images came", "[metrics][coco]") {
  for (const auto& one : test::coco_cases()) {
    INFO(one.name);
    const CocoEvaluation whole = one.evaluated();
    CocoEvaluation odd(whole.settings(), one.categories.size()), even = odd, read = odd;
    for (std::size_t i = one.images.size(); i-- > 0;) one.add_to(i % 2 == 0 ? even : odd, one.images[i]);
    odd.merge(even);
    REQUIRE(read.restore(odd.state()));
    const auto a = error_costs(whole), b = error_costs(read);
    REQUIRE(a.size() == 6);
    for (std::size_t i = 0; i < a.size(); ++i) {
      CHECK(a[i].count == b[i].count);
      CHECK((a[i].gain == b[i].gain || std::isnan(a[i].gain)));
    }
  }
}

TEST_CASE("crowds and hits are no errors", "[metrics][coco]") {
  CocoEvaluation evaluation(CocoSettings::of(CocoKind::Boxes), 1);
  CocoTruth crowd;
  crowd.shape.box = {0, 0, 50, 50};
  crowd.crowd = true;
  crowd.area = 2500;
  CocoTruth one = crowd;
  one.crowd = false;
  one.shape.box = {100, 0, 50, 50};
  CocoDetection in_crowd{0, .9, crowd.shape, 2500}, hit{0, .8, one.shape, 2500};
  evaluation.add(1, {crowd, one}, {in_crowd, hit});
  for (const auto& cost : error_costs(evaluation)) {
    CHECK(cost.count == 0);
    CHECK(cost.gain == 0);
  }
}

}  // namespace mlrun::metrics
