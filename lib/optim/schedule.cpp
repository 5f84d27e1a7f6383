#include "optim/schedule.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/log.h"
#include "base/random.h"

namespace mlrun::optim {
namespace {

using config::Span;

/// A warm-up in whole epochs moves once an epoch, as torchvision's; any other moves at every step.
bool moves_by_epoch(const config::RateSection& section) {
  const Span& warmup = section.warmup;
  return section.interval == "epoch" && warmup.unit == Span::Unit::Epochs && warmup.value == std::floor(warmup.value);
}

double warmup_factor(const config::RateSection& section, double t, double length) {
  const double start = section.warmup_factor;
  return section.warmup_method == "constant" ? start : start + (1 - start) * t / length;
}

/// A standard normal number (Box and Muller, 1958).
double normal(KeyedRandom& random) {
  constexpr double kTwoPi = 6.28318530717958647692;
  const double radius = std::sqrt(-2 * std::log(1 - random.uniform()));
  return radius * std::cos(kTwoPi * random.uniform());
}

/// A normal number of deviation `std` drawn again until its magnitude is below `limit`. Where that
/// would rarely happen, the same distribution comes from the numbers below the limit instead.
double truncated_normal(KeyedRandom& random, double std, double limit) {
  while (true) {
    if (std <= limit) {
      const double x = std * normal(random);
      if (std::abs(x) < limit) return x;
    } else {
      const double x = random.uniform(-limit, limit);
      if (random.chance(std::exp(-x * x / (2 * std * std)))) return x;
    }
  }
}

}  // namespace

std::int64_t span_steps(const Span& span, const Horizon& horizon, const std::string& key) {
  double steps = span.value;
  switch (span.unit) {
    case Span::Unit::Steps: break;
    case Span::Unit::Epochs: steps *= static_cast<double>(horizon.steps_per_epoch); break;
    case Span::Unit::Percent: steps *= static_cast<double>(horizon.total_steps) / 100; break;
    case Span::Unit::Seconds:
      throw UserError(Problem{"", 0, 0, key, "'" + span.text() + "' is a time, but a length of training is wanted",
                              "give it in epochs, steps or %"});
  }
  return std::max<std::int64_t>(0, std::llround(steps));
}

LearningRate::LearningRate(const config::RateSection& section, double base_lr, Horizon horizon, std::uint64_t seed)
    : section_(section),
      curve_(schedules().make(section.curve)),
      base_lr_(base_lr),
      horizon_(horizon),
      seed_(seed),
      unit_(section.interval == "epoch" ? horizon.steps_per_epoch : 1),
      warmup_steps_(span_steps(section.warmup, horizon, "schedule.warmup")) {
  MLRUN_ASSERT(horizon.steps_per_epoch > 0 && horizon.total_steps > 0, "a training has at least one step");
  if (warmup_steps_ >= horizon.total_steps) {
    log::warning("the warm-up (schedule.warmup: " + section.warmup.text() +
                 ") takes up the whole training; the learning rate never follows the schedule");
  }
  if (!section.noise.start) return;
  noise_begin_ = span_steps(*section.noise.start, horizon, "schedule.noise.start");
  noise_end_ = section.noise.end ? span_steps(*section.noise.end, horizon, "schedule.noise.end") : horizon.total_steps;
  if (noise_begin_ < noise_end_) return;
  throw UserError(Problem{"", 0, 0, "schedule.noise.end",
                          "is not after schedule.noise.start (" + section.noise.start->text() + ")",
                          "end it later, or null: with the training"});
}

double LearningRate::at(std::int64_t step) const {
  MLRUN_ASSERT(step >= 0, "steps count from 0");
  const std::int64_t now = std::min(step, horizon_.total_steps - 1);
  return smooth(now) * (1 + noise(now));
}

double LearningRate::noise(std::int64_t step) const {
  const std::int64_t begin = step / unit_ * unit_;  // of the epoch: within one, the rate does not move
  if (begin < noise_begin_ || begin >= noise_end_) return 0;
  KeyedRandom random(seed_, "learning rate", static_cast<std::uint64_t>(step / unit_));
  return truncated_normal(random, section_.noise.std, section_.noise.limit);
}

double LearningRate::smooth(std::int64_t now) const {
  if (now < warmup_steps_) {
    const std::int64_t move = moves_by_epoch(section_) ? unit_ : 1;
    return base_lr_ * warmup_factor(section_, static_cast<double>(now / move),
                                    static_cast<double>(warmup_steps_) / static_cast<double>(move));
  }
  const std::int64_t start = warmup_steps_ / unit_;
  const double length =
      static_cast<double>(horizon_.total_steps) / static_cast<double>(unit_) - static_cast<double>(start);
  return base_lr_ * curve_->factor(static_cast<double>(now / unit_ - start), length, base_lr_);
}

bool LearningRate::minimum(std::int64_t step) const {
  const std::int64_t done = step + 1;
  const bool last = done % unit_ == 0 || done == horizon_.total_steps;
  if (step < warmup_steps_ || done > horizon_.total_steps || !last) return false;
  const std::int64_t start = warmup_steps_ / unit_;
  const double length =
      static_cast<double>(horizon_.total_steps) / static_cast<double>(unit_) - static_cast<double>(start);
  return curve_->minimum(static_cast<double>(step / unit_ - start), length);
}

}  // namespace mlrun::optim
