#include <algorithm>
#include <cmath>

#include "optim/curves.h"

namespace mlrun::optim {
namespace {

/// torch.optim's schedule without a scheduler.
class Constant : public Schedule {
 public:
  explicit Constant(const config::NoOptions&) {}
  double factor(double, double, double) const override { return 1; }
};

struct StepOptions {
  std::int64_t step_size = 30;
  double gamma = 0.1;

  static void declare(config::Declare<StepOptions>& d) {
    d("step_size", &StepOptions::step_size, "the rate falls every so many epochs (with interval: step, steps)").min(1);
    d("gamma", &StepOptions::gamma, "factor on the rate at each fall").above(0);
  }
};

/// torch.optim.lr_scheduler.StepLR.
class Step : public Schedule {
 public:
  explicit Step(const StepOptions& options) : options_(options) {}
  double factor(double t, double, double) const override {
    return std::pow(options_.gamma, std::floor(t / static_cast<double>(options_.step_size)));
  }

 private:
  StepOptions options_;
};

struct MultiStepOptions {
  std::vector<std::int64_t> milestones;
  double gamma = 0.1;

  static void declare(config::Declare<MultiStepOptions>& d) {
    d("milestones", &MultiStepOptions::milestones,
      "the rate falls at these epochs (with interval: step, steps), counted from the end of the warm-up")
        .min(1)
        .required();
    d("gamma", &MultiStepOptions::gamma, "factor on the rate at each fall").above(0);
    d.rule("milestones", [](const MultiStepOptions& o) -> std::string {
      if (o.milestones.empty()) return "names no milestone";
      const bool rising =
          std::adjacent_find(o.milestones.begin(), o.milestones.end(), std::greater_equal<>()) == o.milestones.end();
      return rising ? "" : "must be rising";
    });
  }
};

/// torch.optim.lr_scheduler.MultiStepLR.
class MultiStep : public Schedule {
 public:
  explicit MultiStep(const MultiStepOptions& options) : options_(options) {}
  double factor(double t, double, double) const override {
    const auto passed = std::count_if(options_.milestones.begin(), options_.milestones.end(),
                                      [t](std::int64_t milestone) { return static_cast<double>(milestone) <= t; });
    return std::pow(options_.gamma, static_cast<double>(passed));
  }

 private:
  MultiStepOptions options_;
};

struct ExponentialOptions {
  double gamma = 0.1;

  static void declare(config::Declare<ExponentialOptions>& d) {
    d("gamma", &ExponentialOptions::gamma, "factor on the rate after every epoch (with interval: step, step)")
        .above(0)
        .required();
  }
};

/// torch.optim.lr_scheduler.ExponentialLR.
class Exponential : public Schedule {
 public:
  explicit Exponential(const ExponentialOptions& options) : options_(options) {}
  double factor(double t, double, double) const override { return std::pow(options_.gamma, t); }

 private:
  ExponentialOptions options_;
};

struct CosineOptions {
  double min_lr = 0;

  static void declare(config::Declare<CosineOptions>& d) {
    d("min_lr", &CosineOptions::min_lr, "learning rate (not a share) that the curve falls towards").min(0);
  }
};

/// torch.optim.lr_scheduler.CosineAnnealingLR with T_max the schedule's length.
class Cosine : public Schedule {
 public:
  explicit Cosine(const CosineOptions& options) : options_(options) {}
  double factor(double t, double length, double base_lr) const override {
    constexpr double kPi = 3.14159265358979323846;
    const double floor = options_.min_lr / base_lr;
    return floor + (1 - floor) * (1 + std::cos(kPi * t / length)) / 2;
  }

 private:
  CosineOptions options_;
};

struct PolynomialOptions {
  double power = 1;

  static void declare(config::Declare<PolynomialOptions>& d) {
    d("power", &PolynomialOptions::power, "exponent; 1 falls in a straight line").above(0);
  }
};

/// torch.optim.lr_scheduler.PolynomialLR with total_iters the schedule's length.
class Polynomial : public Schedule {
 public:
  explicit Polynomial(const PolynomialOptions& options) : options_(options) {}
  double factor(double t, double length, double) const override {
    return std::pow(1 - std::min(t, length) / length, options_.power);
  }

 private:
  PolynomialOptions options_;
};

template <class Curve, class Options>
void add(ScheduleFactory& list, const char* name, const char* description) {
  list.add<Options>(name, description, [](const Options& options) { return std::make_unique<Curve>(options); });
}

}  // namespace

const ScheduleFactory& schedules() {
  static const ScheduleFactory factory = [] {
    ScheduleFactory list("schedule");
    add<Constant, config::NoOptions>(list, "constant", "the same rate throughout");
    add<Step, StepOptions>(list, "step", "falls by a factor at equal intervals");
    add<MultiStep, MultiStepOptions>(list, "multi_step", "falls by a factor at given times");
    add<Exponential, ExponentialOptions>(list, "exponential", "falls by a factor all the time");
    add<Cosine, CosineOptions>(list, "cosine", "half a cosine wave from the full rate down to min_lr");
    add_annealing(list);
    add<Polynomial, PolynomialOptions>(list, "polynomial", "a power of the time that is left, down to 0");
    add_cyclical(list);
    add_piecewise_linear(list);
    return list;
  }();
  return factory;
}

}  // namespace mlrun::optim
