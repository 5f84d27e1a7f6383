#include "optim/curves.h"

#include <cmath>

namespace mlrun::optim {
namespace {

/// From `start` (share 0) to `end` (share 1) along half a cosine wave.
double cosine_between(double start, double end, double share) {
  constexpr double kPi = 3.14159265358979323846;
  return end + (start - end) * (1 + std::cos(kPi * share)) / 2;
}

struct CosineRestartsOptions {
  std::int64_t t_0 = 10;
  std::int64_t t_mult = 1;
  double min_lr = 0;
  double cycle_decay = 1;

  static void declare(config::Declare<CosineRestartsOptions>& d) {
    d("T_0", &CosineRestartsOptions::t_0, "length of the first cycle in epochs (with interval: step, steps)").min(1);
    d("T_mult", &CosineRestartsOptions::t_mult, "factor on the length from each cycle to the next").min(1);
    d("min_lr", &CosineRestartsOptions::min_lr, "learning rate (not a share) that each cycle falls towards").min(0);
    d("cycle_decay", &CosineRestartsOptions::cycle_decay,
      "factor on the rate that a cycle begins with, from each cycle to the next")
        .above(0)
        .max(1);
  }
};

/// torch.optim.lr_scheduler.CosineAnnealingWarmRestarts, with timm's cycle_decay.
class CosineRestarts : public Schedule {
 public:
  explicit CosineRestarts(const CosineRestartsOptions& options) : options_(options) {}

  double factor(double t, double, double base_lr) const override {
    auto length = static_cast<double>(options_.t_0);
    double cycle = 0;
    if (options_.t_mult == 1) {
      cycle = std::floor(t / length);
      t -= cycle * length;
    } else {
      for (; t >= length; ++cycle) {
        t -= length;
        length *= static_cast<double>(options_.t_mult);
      }
    }
    return cosine_between(std::pow(options_.cycle_decay, cycle), options_.min_lr / base_lr, t / length);
  }

 private:
  CosineRestartsOptions options_;
};

struct OneCycleOptions {
  double pct_start = 0.3;
  double div_factor = 25;
  double final_div_factor = 1e4;
  std::string anneal_strategy = "cos";
  bool three_phase = false;

  static void declare(config::Declare<OneCycleOptions>& d) {
    d("pct_start", &OneCycleOptions::pct_start, "share of the training in which the rate rises").min(0).max(1);
    d("div_factor", &OneCycleOptions::div_factor, "optimizer.lr, the peak, over the rate that training begins with")
        .above(0);
    d("final_div_factor", &OneCycleOptions::final_div_factor, "the rate at the begin over that at the end").above(0);
    d("anneal_strategy", &OneCycleOptions::anneal_strategy, "course of the rise and the fall")
        .choices({"cos", "linear"});
    d("three_phase", &OneCycleOptions::three_phase,
      "fall back to the first rate in as long as the rise took, then to the last; else fall to the last at once");
    d.rule("pct_start", [](const OneCycleOptions& o) -> std::string {
      return o.three_phase && o.pct_start > 0.5 ? "must be at most 0.5 with three_phase" : "";
    });
  }
};

/// torch.optim.lr_scheduler.OneCycleLR with max_lr the optimizer's and total_steps the schedule's
/// length; momentum stays as it is.
class OneCycle : public Schedule {
 public:
  explicit OneCycle(const OneCycleOptions& options) : options_(options) {}

  double factor(double t, double length, double) const override {
    const double first = 1 / options_.div_factor, last = first / options_.final_div_factor;
    const double peak = options_.pct_start * length - 1, end = length - 1;
    if (t <= peak) return between(first, 1, t, 0, peak);
    if (!options_.three_phase) return between(1, last, t, peak, end);
    const double valley = 2 * options_.pct_start * length - 2;
    if (t <= valley) return between(1, first, t, peak, valley);
    return between(first, last, t, valley, end);
  }

 private:
  /// The factor at time `t` of a phase; at the end of one without length.
  double between(double start, double stop, double t, double from, double to) const {
    const double share = to > from ? (t - from) / (to - from) : 1;
    if (options_.anneal_strategy == "linear") return start + (stop - start) * share;
    return cosine_between(start, stop, share);
  }

  OneCycleOptions options_;
};

}  // namespace

void add_annealing(ScheduleFactory& list) {
  list.add<CosineRestartsOptions>("cosine_restarts", "half a cosine wave down to min_lr, again and again",
                                  [](const auto& options) { return std::make_unique<CosineRestarts>(options); });
  list.add<OneCycleOptions>("one_cycle", "up to the full rate and down to nearly 0, as a whole (interval: step)",
                            [](const auto& options) { return std::make_unique<OneCycle>(options); });
}

}  // namespace mlrun::optim
