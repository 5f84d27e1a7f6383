#include <algorithm>
#include <cmath>
#include <vector>

#include "optim/optimizers.h"
#include "optim/schedule.h"

using namespace mlrun;

namespace {

constexpr double kHalfTurn = 3.14159265358979323846;
constexpr double kBase = 0.4, kLow = 0.1;
constexpr int kLength = 24, kCycles = 3, kCycle = 8;

config::Component cyclical(const std::string& shape, int cycles = kCycles, bool keep = false) {
  return test::component(optim::schedules(), "cyclical",
                         {{"cycles", cycles}, {"shape", shape}, {"min_lr", kLow}, {"keep", keep}});
}

/// The rate of iteration i = 1, 2, ... as the papers write it, alpha_1 the high rate, alpha_2 the low one.
double published(const std::string& shape, int i) {
  const double t = ((i - 1) % kCycle + 1) / static_cast<double>(kCycle);
  if (shape == "linear") return (1 - t) * kBase + t * kLow;  // Izmailov et al., equation 1
  if (shape == "triangular") {                               // Garipov et al., section 4
    return t <= 0.5 ? (1 - 2 * t) * kBase + 2 * t * kLow : (2 - 2 * t) * kLow + (2 * t - 1) * kBase;
  }
  // Huang et al., equation 2, which falls to 0; here to the low rate.
  return kLow + (kBase - kLow) / 2 * (std::cos(kHalfTurn * ((i - 1) % kCycle) / kCycle) + 1);
}

config::ScheduleSection section_of(config::Component curve, const std::string& interval) {
  config::ScheduleSection section;
  section.curve = std::move(curve);
  section.interval = interval;
  return section;
}

std::vector<std::int64_t> minima(const optim::LearningRate& rate, std::int64_t steps) {
  std::vector<std::int64_t> found;
  for (std::int64_t step = 0; step < steps; ++step) {
    if (rate.minimum(step)) found.push_back(step);
  }
  return found;
}

/// `points` as a list of [at, factor].
config::Component piecewise_linear(const std::vector<std::pair<double, double>>& points) {
  config::Component component = optim::schedules().defaults("piecewise_linear");
  const config::Field& field = *optim::schedules().at("piecewise_linear").options->find("points");
  for (const auto& [at, factor] : points) {
    void* point = field.append(component.options.get());
    field.spec->find("at")->set(point, at);
    field.spec->find("factor")->set(point, factor);
  }
  return component;
}

double piecewise(const std::vector<std::pair<double, double>>& points, double t) {
  return optim::schedules().make(piecewise_linear(points))->factor(t, 300, 0.1);
}

/// What the rule says of these points; empty where it is kept.
std::string broken(const std::vector<std::pair<double, double>>& points) {
  const config::Component made = piecewise_linear(points);
  return optim::schedules().at("piecewise_linear").options->rules.at(0).broken(made.options.get());
}

}  // namespace

TEST_CASE("cycles of the learning rate follow the papers' formulas", "[optim]") {
  for (const std::string shape : {"cosine", "triangular", "linear"}) {
    const auto curve = optim::schedules().make(cyclical(shape));
    double lowest = kBase;
    for (int t = 0; t < kLength; ++t) lowest = std::min(lowest, kBase * curve->factor(t, kLength, kBase));
    int count = 0;
    for (int t = 0; t < kLength; ++t) {
      INFO(shape << " at " << t);
      const double rate = kBase * curve->factor(t, kLength, kBase);
      CHECK(rate == Approx(published(shape, t + 1)).epsilon(1e-12));
      CHECK(curve->minimum(t, kLength) == (rate == Approx(lowest).epsilon(1e-12)));
      count += curve->minimum(t, kLength) ? 1 : 0;
    }
    CHECK(count == kCycles);
  }
}

TEST_CASE("a cycle that does not divide the training is rounded up and cut off", "[optim]") {
  // 10 epochs in 3 cycles: 4, 4 and 2.
  for (const auto& [shape, expected] : std::vector<std::pair<std::string, std::vector<std::int64_t>>>{
           {"cosine", {3, 7}}, {"linear", {3, 7}}, {"triangular", {1, 5, 9}}}) {
    INFO(shape);
    const optim::LearningRate rate(section_of(cyclical(shape), "step"), kBase, {1, 10});
    CHECK(minima(rate, 10) == expected);
  }
  // Cycles of one: each is its own minimum.
  const optim::LearningRate all(section_of(cyclical("triangular", 10), "step"), kBase, {1, 10});
  CHECK(minima(all, 10).size() == 10);
}

TEST_CASE("a minimum is the last step of its epoch, warm-up left out", "[optim]") {
  auto section = section_of(cyclical("cosine", 2), "epoch");
  section.warmup = {2, config::Span::Unit::Epochs};
  const optim::LearningRate rate(section, kBase, {5, 40});  // 2 epochs of warm-up, 2 cycles of 3
  CHECK(minima(rate, 40) == std::vector<std::int64_t>{24, 39});
  CHECK_FALSE(rate.keeps_minima());
  CHECK(optim::LearningRate(section_of(cyclical("cosine", 2, true), "epoch"), kBase, {5, 40}).keeps_minima());
  const auto cosine = section_of(optim::schedules().defaults("cosine"), "epoch");
  CHECK(minima(optim::LearningRate(cosine, kBase, {5, 40}), 40).empty());
}

TEST_CASE("piecewise_linear moves in straight lines and stays outside", "[optim]") {
  // The schedule of the SWA paper's scripts: 1 until half, down to the last share at 90 %.
  for (int epoch = 0; epoch < 300; ++epoch) {
    const double t = epoch / 161.0;
    const double expected = t <= 0.5 ? 1 : t <= 0.9 ? 1 - (1 - 0.1) * (t - 0.5) / 0.4 : 0.1;
    INFO("epoch " << epoch);
    CHECK(piecewise({{80.5, 1}, {144.9, 0.1}}, epoch) == Approx(expected).epsilon(1e-12));
  }
  const std::vector<double> interpolated = {0, 0, 0, 0.5, 1, 0.875, 0.75, 0.625, 0.5, 0.5};  // numpy.interp
  for (std::size_t t = 0; t < interpolated.size(); ++t) {
    CHECK(piecewise({{2, 0}, {4, 1}, {8, 0.5}}, static_cast<double>(t)) == interpolated[t]);
  }
  CHECK(broken({}) == "names no point");
  CHECK(broken({{2, 1}, {2, 0.5}}) == "must be rising in `at`");
  CHECK(broken({{2, 1}, {3, 1}}).empty());
}
