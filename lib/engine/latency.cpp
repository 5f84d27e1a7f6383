#include "engine/latency.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "base/error.h"
#include "report/format.h"

namespace mlrun::engine {
namespace {

constexpr std::int64_t kWindowsCompared = 3;
constexpr double kMilliseconds = 1000;

double median_of(const std::vector<double>& values, std::size_t first, std::size_t last) {
  const auto begin = values.begin();
  return quantile({begin + static_cast<std::ptrdiff_t>(first), begin + static_cast<std::ptrdiff_t>(last)}, 0.5);
}

/// Whether the medians of the last windows agree.
bool agree(const std::vector<double>& medians, double bound) {
  if (static_cast<std::int64_t>(medians.size()) < kWindowsCompared) return false;
  const auto [low, high] = std::minmax_element(medians.end() - kWindowsCompared, medians.end());
  return *high <= *low * (1 + bound);
}

/// Runs, timed one by one.
class Stopwatch {
 public:
  Stopwatch(const std::function<void()>& run, const SecondsClock& clock) : run_(run), clock_(clock), begin_(clock()) {}

  double time() {
    const double before = clock_();
    run_();
    const double after = clock_();
    elapsed_ = after - begin_;
    return after - before;
  }
  double elapsed() const { return elapsed_; }

 private:
  const std::function<void()>& run_;
  const SecondsClock& clock_;
  double begin_, elapsed_ = 0;
};

/// True where times became steady before the caps.
bool warm_up(const std::function<void()>& run, const LatencyOptions& options, const SecondsClock& clock,
             std::int64_t& runs) {
  Stopwatch watch(run, clock);
  std::vector<double> window, medians;
  while (runs == 0 || (watch.elapsed() < options.seconds && runs < options.max_iterations)) {
    window.push_back(watch.time());
    ++runs;
    if (static_cast<std::int64_t>(window.size()) < options.window) continue;
    medians.push_back(median_of(window, 0, window.size()));
    window.clear();
    if (agree(medians, options.bound)) return true;
  }
  return false;
}

/// How much the times of the end differ from those of the beginning; 0 where there are too few to tell.
double drift_of(const std::vector<double>& times) {
  constexpr std::size_t kEnough = 15;
  if (times.size() < kEnough) return 0;
  const std::size_t third = times.size() / 3;
  const double first = median_of(times, 0, third);
  return first > 0 ? median_of(times, times.size() - third, times.size()) / first - 1 : 0;
}

}  // namespace

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double quantile(std::vector<double> values, double share) {
  MLRUN_ASSERT(!values.empty(), "a quantile of no values");
  std::sort(values.begin(), values.end());
  const double at = share * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const std::size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (at - static_cast<double>(below)) * (values[above] - values[below]);
}

// The number of values below the median is binomial (count, 1/2): ranks are dropped from both ends as long as each end
// keeps at most 2.5 %.
std::pair<std::size_t, std::size_t> median_ranks(std::size_t count) {
  constexpr double kEachEnd = 0.025;
  MLRUN_ASSERT(count > 0, "ranks of no values");
  const auto n = static_cast<double>(count);
  double below = 0;
  std::size_t rank = 0;
  for (; 2 * (rank + 1) < count; ++rank) {
    const auto k = static_cast<double>(rank);
    below += std::exp(std::lgamma(n + 1) - std::lgamma(k + 1) - std::lgamma(n - k + 1) - n * std::log(2.0));
    if (below > kEachEnd) break;
  }
  const std::size_t low = rank == 0 ? 0 : rank - 1;
  return {low, count - 1 - low};
}

Latency measure_latency(const std::function<void()>& run, const LatencyOptions& options, const SecondsClock& clock) {
  Latency result;
  const bool warm = warm_up(run, options, clock, result.warm_up);
  Stopwatch watch(run, clock);
  std::vector<double> times;
  while (result.iterations < options.min_iterations ||
         (watch.elapsed() < options.seconds && result.iterations < options.max_iterations)) {
    times.push_back(watch.time() * kMilliseconds);
    ++result.iterations;
  }
  result.drift = drift_of(times);
  double sum = 0;
  for (const double time : times) sum += time;
  result.mean = sum / static_cast<double>(times.size());
  std::sort(times.begin(), times.end());
  result.p50 = quantile(times, 0.5);
  result.p90 = quantile(times, 0.9);
  result.p99 = quantile(times, 0.99);
  const auto [low, high] = median_ranks(times.size());
  result.noise = result.p50 > 0 ? (times[high] - times[low]) / 2 / result.p50 : 0;
  // What differs by no more than the noise has not moved.
  result.steady = warm && std::abs(result.drift) <= std::max(options.bound, 2 * result.noise);
  return result;
}

Json to_json(const Latency& latency) {
  return {{"p50", latency.p50},
          {"p90", latency.p90},
          {"p99", latency.p99},
          {"noise", latency.noise},
          {"iterations", latency.iterations},
          {"warm_up", latency.warm_up},
          {"steady", latency.steady}};
}

std::string noise_text(const Latency& latency) {
  return "±" + report::percent(latency.noise, 1) + (latency.steady ? "" : " unsteady");
}

}  // namespace mlrun::engine
