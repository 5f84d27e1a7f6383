#include <cmath>

#include "optim/optimizers.h"
#include "optim/schedule.h"

using namespace mlrun;

namespace {

constexpr double kPi = 3.14159265358979323846;

double factor(const std::string& name, const Json& options, double t, double length = 12, double base_lr = 0.5) {
  return optim::schedules().make(test::component(optim::schedules(), name, options))->factor(t, length, base_lr);
}

}  // namespace

TEST_CASE("the list of schedules", "[optim]") {
  CHECK(optim::schedules().kind() == "schedule");
  CHECK(optim::schedules().names() == std::vector<std::string>{"constant", "step", "multi_step", "exponential",
                                                               "cosine", "cosine_restarts", "one_cycle", "polynomial",
                                                               "cyclical", "piecewise_linear"});
}

TEST_CASE("closed forms of the schedules", "[optim]") {
  for (int t = 0; t < 12; ++t) {
    INFO("t = " << t);
    CHECK(factor("constant", Json::object(), t) == 1);
    CHECK(factor("step", {{"step_size", 5}, {"gamma", 0.3}}, t) == Approx(t < 5 ? 1 : t < 10 ? 0.3 : 0.09));
    CHECK(factor("multi_step", {{"milestones", {2, 7}}, {"gamma", 0.3}}, t) == Approx(t < 2 ? 1 : t < 7 ? 0.3 : 0.09));
    CHECK(factor("exponential", {{"gamma", 0.9}}, t) == Approx(std::pow(0.9, t)).epsilon(1e-14));
    CHECK(factor("cosine", Json::object(), t) == Approx(std::pow(std::cos(kPi * t / 24), 2)).epsilon(1e-12));
    CHECK(factor("polynomial", {{"power", 2.0}}, t) == Approx((12.0 - t) * (12.0 - t) / 144).epsilon(1e-14));
    CHECK(factor("polynomial", Json::object(), t) == Approx((12.0 - t) / 12).epsilon(1e-14));
  }
}

TEST_CASE("the cosine's floor is a rate, not a share", "[optim]") {
  const Json floor{{"min_lr", 0.1}};
  CHECK(0.5 * factor("cosine", floor, 0) == Approx(0.5));
  CHECK(0.5 * factor("cosine", floor, 6) == Approx(0.3));
  CHECK(0.5 * factor("cosine", floor, 12) == Approx(0.1));
}

TEST_CASE("the polynomial ends at 0 and stays there", "[optim]") {
  CHECK(factor("polynomial", {{"power", 0.9}}, 12) == 0);
  CHECK(factor("polynomial", {{"power", 0.9}}, 13) == 0);
}

TEST_CASE("milestones rise", "[optim]") {
  const auto rule = [](const Json& milestones) {
    return test::broken_rule(optim::schedules(), "multi_step", {{"milestones", milestones}});
  };
  CHECK(rule(Json::array()) == "milestones: names no milestone");
  CHECK(rule({30, 20}) == "milestones: must be rising");
  CHECK(rule({30, 30}) == "milestones: must be rising");
  CHECK(rule({30, 60, 80}).empty());
}
