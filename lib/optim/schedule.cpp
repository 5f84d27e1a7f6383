#include "optim/schedule.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/log.h"

namespace mlrun::optim {
namespace {

using config::Span;

/// A warm-up in whole epochs moves once an epoch, as torchvision's; any other moves at every step.
bool moves_by_epoch(const config::ScheduleSection& section) {
  const Span& warmup = section.warmup;
  return section.interval == "epoch" && warmup.unit == Span::Unit::Epochs && warmup.value == std::floor(warmup.value);
}

double warmup_factor(const config::ScheduleSection& section, double t, double length) {
  const double start = section.warmup_factor;
  return section.warmup_method == "constant" ? start : start + (1 - start) * t / length;
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

LearningRate::LearningRate(const config::ScheduleSection& section, double base_lr, Horizon horizon)
    : section_(section),
      curve_(schedules().make(section.curve)),
      base_lr_(base_lr),
      horizon_(horizon),
      warmup_steps_(span_steps(section.warmup, horizon, "schedule.warmup")) {
  MLRUN_ASSERT(horizon.steps_per_epoch > 0 && horizon.total_steps > 0, "a training has at least one step");
  if (warmup_steps_ >= horizon.total_steps) {
    log::warning("the warm-up (schedule.warmup: " + section.warmup.text() +
                 ") takes up the whole training; the learning rate never follows the schedule");
  }
}

double LearningRate::at(std::int64_t step) const {
  MLRUN_ASSERT(step >= 0, "steps count from 0");
  const std::int64_t now = std::min(step, horizon_.total_steps - 1);
  const std::int64_t unit = section_.interval == "epoch" ? horizon_.steps_per_epoch : 1;
  if (now < warmup_steps_) {
    const std::int64_t move = moves_by_epoch(section_) ? unit : 1;
    return base_lr_ * warmup_factor(section_, static_cast<double>(now / move),
                                    static_cast<double>(warmup_steps_) / static_cast<double>(move));
  }
  const std::int64_t start = warmup_steps_ / unit;
  const double length =
      static_cast<double>(horizon_.total_steps) / static_cast<double>(unit) - static_cast<double>(start);
  return base_lr_ * curve_->factor(static_cast<double>(now / unit - start), length, base_lr_);
}

bool LearningRate::minimum(std::int64_t step) const {
  const std::int64_t unit = section_.interval == "epoch" ? horizon_.steps_per_epoch : 1;
  if (step < warmup_steps_ || step >= horizon_.total_steps || (step + 1) % unit != 0) return false;
  const std::int64_t start = warmup_steps_ / unit;
  const double length =
      static_cast<double>(horizon_.total_steps) / static_cast<double>(unit) - static_cast<double>(start);
  return curve_->minimum(static_cast<double>(step / unit - start), length);
}

}  // namespace mlrun::optim
