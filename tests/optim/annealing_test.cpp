#include <cmath>

#include "optim/optimizers.h"
#include "optim/schedule.h"

using namespace mlrun;

namespace {

double annealed(const std::string& name, const Json& options, double t, double length = 100) {
  return optim::schedules().make(test::component(optim::schedules(), name, options))->factor(t, length, 0.5);
}

}  // namespace

TEST_CASE("cycles begin at the full rate, longer and lower each time", "[optim]") {
  const Json options{{"T_0", 4}, {"T_mult", 2}, {"cycle_decay", 0.5}, {"min_lr", 0.05}};
  CHECK(annealed("cosine_restarts", options, 0) == Approx(1));
  CHECK(annealed("cosine_restarts", options, 2) == Approx(0.55));
  CHECK(annealed("cosine_restarts", options, 4) == Approx(0.5));
  CHECK(annealed("cosine_restarts", options, 8) == Approx(0.3));
  CHECK(annealed("cosine_restarts", options, 12) == Approx(0.25));
  CHECK(annealed("cosine_restarts", {{"T_0", 3}, {"cycle_decay", 0.5}}, 9) == Approx(0.125));
}

TEST_CASE("one cycle rises to the peak and falls to nearly nothing", "[optim]") {
  CHECK(annealed("one_cycle", Json::object(), 0) == Approx(0.04));
  CHECK(annealed("one_cycle", Json::object(), 29) == Approx(1));
  CHECK(annealed("one_cycle", Json::object(), 99) == Approx(4e-6));
  const Json three{{"three_phase", true}, {"pct_start", 0.25}, {"anneal_strategy", "linear"}};
  CHECK(annealed("one_cycle", three, 24) == Approx(1));
  CHECK(annealed("one_cycle", three, 48) == Approx(0.04));
  CHECK(annealed("one_cycle", three, 36) == Approx(0.52));
  // A rise without a step, and a training of one.
  CHECK(annealed("one_cycle", {{"pct_start", 0.01}}, 0) == Approx(1));
  CHECK(annealed("one_cycle", {{"pct_start", 0.0}}, 99) == Approx(4e-6));
  CHECK(std::isfinite(annealed("one_cycle", Json::object(), 0, 1)));
  CHECK(std::isfinite(annealed("one_cycle", three, 0, 1)));
  CHECK(test::broken_rule(optim::schedules(), "one_cycle", {{"three_phase", true}, {"pct_start", 0.6}}) ==
        "pct_start: must be at most 0.5 with three_phase");
}
