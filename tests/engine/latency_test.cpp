#include "engine/latency.h"

#include <cmath>

#include "catch.h"

using namespace mlrun;
using namespace mlrun::engine;

namespace {

/// A machine whose n-th run takes as long as `seconds(n)` says; time passes in runs alone.
struct Machine {
  std::function<double(std::int64_t run)> seconds;
  double now = 100;
  std::int64_t runs = 0;

  Latency measure(const LatencyOptions& options) {
    return measure_latency([this] { now += seconds(runs++); }, options, [this] { return now; });
  }
};

LatencyOptions options_of(double seconds) {
  LatencyOptions options;
  options.seconds = seconds;
  return options;
}

/// The probability that fewer than `rank` of `count` values lie below the median.
double tail(std::size_t count, std::size_t rank) {
  double term = std::pow(0.5, static_cast<double>(count)), sum = 0;
  for (std::size_t k = 0; k < rank; ++k) {
    sum += term;
    term *= static_cast<double>(count - k) / static_cast<double>(k + 1);
  }
  return sum;
}

}  // namespace

TEST_CASE("a constant time is steady after three windows and has no noise", "[engine][latency]") {
  Machine machine{[](std::int64_t) { return 0.010; }};
  const Latency latency = machine.measure(options_of(1));
  CHECK(latency.warm_up == 15);
  CHECK(latency.iterations == Approx(100).margin(1));
  CHECK(machine.runs == latency.warm_up + latency.iterations);
  CHECK(latency.p50 == Approx(10));
  CHECK(latency.p99 == Approx(10));
  CHECK(latency.mean == Approx(10));
  CHECK(latency.noise == Approx(0).margin(1e-9));
  CHECK(latency.steady);
}

TEST_CASE("a warm-up whose times fall lasts until they have fallen", "[engine][latency]") {
  // 40 runs from 5 times as slow down to the final time, then constant: windows 8 to 10 are the first three alike.
  Machine machine{[](std::int64_t run) { return 0.010 * (1 + 4 * std::max(0.0, 1 - static_cast<double>(run) / 40)); }};
  const Latency latency = machine.measure(options_of(2));
  CHECK(latency.warm_up == 55);
  CHECK(latency.p50 == Approx(10));
  CHECK(latency.p99 == Approx(10));
  CHECK(latency.steady);
}

TEST_CASE("spikes move neither the warm-up nor the median, and show in p99", "[engine][latency]") {
  Machine machine{[](std::int64_t run) { return run % 20 == 3 ? 0.100 : 0.010; }};
  const Latency latency = machine.measure(options_of(5));
  CHECK(latency.warm_up == 15);
  CHECK(latency.p50 == Approx(10));
  CHECK(latency.p90 == Approx(10));
  CHECK(latency.p99 == Approx(100));
  CHECK(latency.mean == Approx(14.5).epsilon(0.02));
  CHECK(latency.noise == Approx(0).margin(1e-9));
  CHECK(latency.steady);
}

TEST_CASE("a time that keeps growing is told as unsteady", "[engine][latency]") {
  SECTION("fast enough for the warm-up to see it") {
    Machine machine{[](std::int64_t run) { return 0.001 * std::pow(1.02, static_cast<double>(run)); }};
    const Latency latency = machine.measure(options_of(1));
    CHECK_FALSE(latency.steady);
    CHECK(latency.drift > 0.05);
  }
  SECTION("so slowly that only the measurement sees it") {
    Machine machine{[](std::int64_t run) { return 0.001 * std::pow(1.001, static_cast<double>(run)); }};
    const Latency latency = machine.measure(options_of(1));
    CHECK(latency.warm_up == 15);
    CHECK(latency.drift > 0.2);
    CHECK_FALSE(latency.steady);
    CHECK(noise_text(latency).find(" unsteady") != std::string::npos);
  }
}

TEST_CASE("caps on time and count hold, and something is always measured", "[engine][latency]") {
  Machine slow{[](std::int64_t) { return 60.0; }};
  const Latency hours = slow.measure(options_of(1));
  CHECK(hours.warm_up == 1);
  CHECK(hours.iterations == 5);
  CHECK_FALSE(hours.steady);  // nobody could tell
  CHECK(hours.p50 == Approx(60000));

  LatencyOptions options = options_of(1e9);
  options.max_iterations = 30;
  options.bound = 0;
  Machine restless{[](std::int64_t run) { return run % 2 == 0 ? 0.001 : 0.001 + 1e-5 * static_cast<double>(run); }};
  const Latency capped = restless.measure(options);
  CHECK(capped.warm_up == 30);
  CHECK(capped.iterations == 30);

  Machine frozen{[](std::int64_t) { return 0.0; }};  // a clock too coarse for the work
  const Latency nothing = frozen.measure(options);
  CHECK(nothing.p50 == 0);
  CHECK(nothing.noise == 0);
}

TEST_CASE("quantiles are NumPy's", "[engine][latency]") {
  // numpy.quantile([4, 1, 3, 2], [0, .25, .5, .9, 1])
  const std::vector<double> values = {4, 1, 3, 2};
  CHECK(quantile(values, 0) == 1);
  CHECK(quantile(values, 0.25) == Approx(1.75));
  CHECK(quantile(values, 0.5) == Approx(2.5));
  CHECK(quantile(values, 0.9) == Approx(3.7));
  CHECK(quantile(values, 1) == 4);
  CHECK(quantile({7}, 0.99) == 7);
}

TEST_CASE("the median lies between the ranks with 95 per cent, and between no narrower ones", "[engine][latency]") {
  CHECK(median_ranks(1) == std::pair<std::size_t, std::size_t>(0, 0));
  CHECK(median_ranks(5) == std::pair<std::size_t, std::size_t>(0, 4));
  // Tables of the sign test (n: lower rank from 1): 6: 1, 9: 2, 20: 6, 100: 40.
  CHECK(median_ranks(6) == std::pair<std::size_t, std::size_t>(0, 5));
  CHECK(median_ranks(9) == std::pair<std::size_t, std::size_t>(1, 7));
  CHECK(median_ranks(20) == std::pair<std::size_t, std::size_t>(5, 14));
  CHECK(median_ranks(100) == std::pair<std::size_t, std::size_t>(39, 60));
  for (std::size_t count = 6; count < 300; ++count) {
    INFO(count);
    const auto [low, high] = median_ranks(count);
    CHECK(low + high == count - 1);
    CHECK(2 * tail(count, low + 1) <= 0.05 + 1e-9);
    CHECK(2 * tail(count, low + 2) > 0.05 - 1e-9);
  }
}

TEST_CASE("noise is half the confidence interval of the median, as a share of it", "[engine][latency]") {
  // Measured are 20 runs of 11, 12, ... 30 ms in some order: median 20.5, ranks 6 and 15 are 16 and 25 ms.
  LatencyOptions options = options_of(0);
  options.min_iterations = 20;
  Machine machine{[](std::int64_t run) { return run == 0 ? 0.5 : 0.011 + 0.001 * static_cast<double>(run * 7 % 20); }};
  const Latency latency = machine.measure(options);
  CHECK(latency.warm_up == 1);
  CHECK(latency.iterations == 20);
  CHECK(latency.p50 == Approx(20.5));
  CHECK(latency.noise == Approx(4.5 / 20.5));
  CHECK(to_json(latency).at("noise").get<double>() == latency.noise);
}
