#include "optim/schedule.h"

#include <cmath>

#include "optim/optimizers.h"

using namespace mlrun;
using config::Span;
using optim::Horizon;
using optim::LearningRate;

namespace {

config::ScheduleSection section(const std::string& name, const Json& options, const char* warmup = "0 epochs",
                                const char* interval = "epoch") {
  config::ScheduleSection made;
  made.curve = test::component(optim::schedules(), name, options);
  made.warmup = config::parse_span(warmup).value();
  made.interval = interval;
  return made;
}

/// The section of a fixture, its warm-up counted in `unit`.
config::ScheduleSection section(const Json& reference, const char* unit, const char* interval) {
  const std::string warmup = reference["warmup"].dump() + unit;
  auto made = section(reference["name"], reference["options"], warmup.c_str(), interval);
  made.warmup_method = reference["warmup_method"];
  made.warmup_factor = reference["warmup_factor"];
  return made;
}

}  // namespace

TEST_CASE("the rate of every epoch and step is torch.optim.lr_scheduler's", "[optim]") {
  const auto references = Json::parse(read_file(test::fixture("optim/schedules.json")));
  REQUIRE(references.size() == 64);
  for (const auto& reference : references) {
    const auto length = reference["length"].get<std::int64_t>();
    INFO(reference["name"] << ' ' << reference["options"].dump() << " warm-up " << reference["warmup"]);
    REQUIRE(reference["rates"].size() == static_cast<std::size_t>(length));
    const LearningRate by_epoch(section(reference, " epochs", "epoch"), reference["lr"], {7, 7 * length});
    const LearningRate by_step(section(reference, " steps", "step"), reference["lr"], {7, length});
    for (std::int64_t t = 0; t < length; ++t) {
      const auto expected = reference["rates"][static_cast<std::size_t>(t)].get<double>();
      CHECK(by_step.at(t) == Approx(expected).epsilon(1e-12).margin(1e-16));
      for (const std::int64_t step : {0, 3, 6})
        CHECK(by_epoch.at(7 * t + step) == Approx(expected).epsilon(1e-12).margin(1e-16));
    }
  }
}

TEST_CASE("a warm-up in steps, per cent or part of an epoch moves at every step", "[optim]") {
  for (const char* warmup : {"5 steps", "0.5 epochs", "12.5 %"}) {
    INFO(warmup);
    auto slow = section("step", {{"step_size", 2}, {"gamma", 0.5}}, warmup);
    slow.warmup_factor = 0.5;
    const LearningRate rate(slow, 2, {10, 40});
    for (std::int64_t step = 0; step < 5; ++step) {
      CHECK(rate.at(step) == Approx(1 + 0.2 * static_cast<double>(step)).epsilon(1e-14));
    }
    // The curve counts epochs from the one in which the warm-up ended.
    CHECK(rate.at(5) == 2);
    CHECK(rate.at(19) == 2);
    CHECK(rate.at(20) == 1);
    CHECK(rate.at(39) == 1);
  }
}

TEST_CASE("a per-cent warm-up is of the whole training", "[optim]") {
  auto percent = section("cosine", Json::object(), "25 %", "step");
  percent.warmup_method = "constant";
  percent.warmup_factor = 0.1;
  const LearningRate rate(percent, 1, {10, 40});
  CHECK(rate.at(0) == Approx(0.1));
  CHECK(rate.at(9) == Approx(0.1));
  CHECK(rate.at(10) == 1);
  CHECK(rate.at(25) == Approx(0.5));
  CHECK(rate.at(39) == Approx((1 + std::cos(3.14159265358979 * 29 / 30)) / 2));
}

TEST_CASE("in whole epochs even a long warm-up keeps its rate within an epoch", "[optim]") {
  auto slow = section("constant", Json::object(), "2 epochs");
  slow.warmup_factor = 0.2;
  const LearningRate rate(slow, 1, {5, 20});
  for (const std::int64_t step : {0, 4}) CHECK(rate.at(step) == Approx(0.2));
  for (const std::int64_t step : {5, 9}) CHECK(rate.at(step) == Approx(0.6));
  for (const std::int64_t step : {10, 19}) CHECK(rate.at(step) == 1);
  slow.interval = "step";
  const LearningRate stepwise(slow, 1, {5, 20});
  CHECK(stepwise.at(0) == Approx(0.2));
  CHECK(stepwise.at(1) == Approx(0.28));
  CHECK(stepwise.at(9) == Approx(0.92));
  CHECK(stepwise.at(10) == 1);
}

TEST_CASE("a warm-up longer than the training never ends", "[optim]") {
  const LearningRate rate(section("cosine", Json::object(), "10 epochs"), 1, {4, 8});
  CHECK(rate.at(0) == Approx(0.01));
  CHECK(rate.at(7) == Approx(0.01 + 0.99 / 10));
}

TEST_CASE("after the last step the rate stays", "[optim]") {
  const LearningRate rate(section("polynomial", Json::object(), "0 epochs", "step"), 1, {5, 10});
  CHECK(rate.at(9) == Approx(0.1));
  CHECK(rate.at(10) == rate.at(9));
  CHECK(rate.at(1000) == rate.at(9));
  CHECK_THROWS_AS(rate.at(-1), InternalError);
}

TEST_CASE("spans are measured in optimizer steps", "[optim]") {
  const Horizon horizon{30, 300};
  const auto steps = [&](const char* text) {
    return optim::span_steps(config::parse_span(text).value(), horizon, "train.evaluate");
  };
  CHECK(steps("2 epochs") == 60);
  CHECK(steps("0.05 epochs") == 2);
  CHECK(steps("17 steps") == 17);
  CHECK(steps("25 %") == 75);
  CHECK(steps("0.1 %") == 0);
  CHECK(steps("0 epochs") == 0);
  CHECK(test::user_error([&] { steps("7.8 s"); }) ==
        "train.evaluate: '7.8 s' is a time, but a length of training is wanted; give it in epochs, steps or %");
}

TEST_CASE("noise is a factor within its limit, keyed by seed and epoch", "[optim]") {
  auto noisy = section("constant", Json::object());
  noisy.noise.start = config::parse_span("25 %");
  noisy.noise.end = config::parse_span("3000 epochs");
  noisy.noise.limit = 0.5;
  noisy.noise.std = 0.3;
  const Horizon horizon{5, 20000};
  const LearningRate rate(noisy, 2, horizon, 7), again(noisy, 2, horizon, 7), other(noisy, 2, horizon, 8);
  double sum = 0, squares = 0, worst = 0;
  int same = 0;
  for (std::int64_t epoch = 0; epoch < 4000; ++epoch) {
    const double x = rate.at(5 * epoch) / 2 - 1;
    CHECK(rate.at(5 * epoch + 4) == rate.at(5 * epoch));
    CHECK(again.at(5 * epoch) == rate.at(5 * epoch));
    if (epoch < 1000 || epoch >= 3000) {
      CHECK(x == 0);
      continue;
    }
    same += other.at(5 * epoch) == rate.at(5 * epoch);
    sum += x;
    squares += x * x;
    worst = std::max(worst, std::abs(x));
  }
  CHECK(same == 0);
  CHECK(worst < 0.5);
  CHECK(worst > 0.45);
  // A normal of deviation s cut at c has variance s^2 (1 - 2 z phi(z) / (2 Phi(z) - 1)), z = c / s.
  const double z = 0.5 / 0.3, phi = std::exp(-z * z / 2) / std::sqrt(2 * 3.14159265358979),
               inside = std::erf(z / std::sqrt(2));
  CHECK(std::abs(sum / 2000) < 0.03);
  CHECK(squares / 2000 == Approx(0.09 * (1 - 2 * z * phi / inside)).epsilon(0.1));
}

TEST_CASE("noise wider than its limit is the cut normal too, and of steps where they are the interval", "[optim]") {
  auto noisy = section("constant", Json::object(), "0 epochs", "step");
  noisy.noise.start = config::parse_span("0 epochs");
  noisy.noise.limit = 0.2;
  noisy.noise.std = 1e6;  // flat within the limit: variance limit^2 / 3
  const LearningRate rate(noisy, 1, {5, 3000}, 1);
  double squares = 0;
  for (std::int64_t step = 0; step < 3000; ++step) {
    const double x = rate.at(step) - 1;
    CHECK(std::abs(x) < 0.2);
    CHECK(rate.at(step) != rate.at(step == 0 ? 1 : step - 1));
    squares += x * x;
  }
  CHECK(squares / 3000 == Approx(0.04 / 3).epsilon(0.1));
}

TEST_CASE("noise must end after it begins", "[optim]") {
  auto noisy = section("constant", Json::object());
  noisy.noise.start = config::parse_span("50 %");
  noisy.noise.end = config::parse_span("5 epochs");
  CHECK(test::user_error([&] {
          LearningRate(noisy, 1, {4, 40});
        }) == "schedule.noise.end: is not after schedule.noise.start (50 %); end it later, or null: with the training");
}
