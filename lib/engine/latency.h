#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"

/// How long does something take that is done again and again? Commands that print a time ask here.
namespace mlrun::engine {

/// Seconds since some moment, never going back.
using SecondsClock = std::function<double()>;

/// The machine's steady clock.
double steady_seconds();

struct LatencyOptions {
  double seconds = 3;                  ///< of measuring; warming up takes at most as long again
  std::int64_t window = 5;             ///< runs whose median is one point of the warm-up
  double bound = 0.05;                 ///< by which medians of successive windows may differ once times are steady
  std::int64_t min_iterations = 5;     ///< measured, whatever they take
  std::int64_t max_iterations = 5000;  ///< measured, and as many at most to warm up
};

/// What was measured. Times are in milliseconds.
struct Latency {
  double p50 = 0, p90 = 0, p99 = 0;  ///< between runs these are interpolated linearly, as NumPy does
  double mean = 0;
  double noise = 0;  ///< half the width of the median's 95 % confidence interval, as a share of the median
  double drift = 0;  ///< the median of the last third of the runs over that of the first third, minus 1
  std::int64_t iterations = 0;
  std::int64_t warm_up = 0;  ///< runs before the measured ones
  bool steady = false;       ///< the warm-up ended because times agreed, and they did not drift away afterwards
};

/// Runs `run` until times are steady (the medians of the last three windows lie within `bound` of each other), or until
/// the caps on time and count, then measures. One spike in a window moves no median.
Latency measure_latency(const std::function<void()>& run, const LatencyOptions& options,
                        const SecondsClock& clock = steady_seconds);

/// The `share` quantile (0.5: the median), between neighbours interpolated linearly. Takes unsorted values, not none.
double quantile(std::vector<double> values, double share);

/// Ranks (from 0) of the ordered sample of `count` values between which the true median lies with a probability of at
/// least 95 %, whatever the distribution. Below 6 values no ranks reach that: the first and the last.
std::pair<std::size_t, std::size_t> median_ranks(std::size_t count);

/// `p50`, `p90`, `p99`, `noise`, `iterations`, `warm_up`, `steady`.
Json to_json(const Latency& latency);

/// `±1.2 %`, and ` unsteady` where it was.
std::string noise_text(const Latency& latency);

}  // namespace mlrun::engine
