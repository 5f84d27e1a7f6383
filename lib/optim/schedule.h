#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "config/recipe.h"
#include "config/registry.h"

namespace mlrun::optim {

/// The length of a training, which spans and schedules are measured against.
struct Horizon {
  std::int64_t steps_per_epoch = 1;
  std::int64_t total_steps = 1;  ///< an epoch may be cut short by the end

  double epochs() const { return static_cast<double>(total_steps) / static_cast<double>(steps_per_epoch); }
};

/// The course of the learning rate as a closed form: nothing to save, nothing to replay.
class Schedule {
 public:
  virtual ~Schedule() = default;
  /// The factor on the base rate at time `t` of a schedule that lasts `length`, both in the
  /// schedule's interval (epochs or steps, without the warm-up), 0 <= t < length. `base_lr` is for
  /// schedules whose floor is absolute.
  virtual double factor(double t, double length, double base_lr) const = 0;
  /// True where the rate of time `t`, a whole one, is the lowest of its cycle: once a cycle, never
  /// for schedules without cycles.
  virtual bool minimum(double /*t*/, double /*length*/) const { return false; }
  /// True where the checkpoints of those times are to be saved and kept.
  virtual bool keeps_minima() const { return false; }
};

using ScheduleFactory = config::Factory<std::unique_ptr<Schedule>()>;

/// `constant`, `step`, `multi_step`, `exponential`, `cosine`, `cosine_restarts`, `one_cycle`,
/// `polynomial`, `cyclical`, `piecewise_linear`.
const ScheduleFactory& schedules();

/// The number of optimizer steps that `span` lasts (rounded to the nearest, at least 0). Spans in
/// seconds are a UserError that names `key`.
std::int64_t span_steps(const config::Span& span, const Horizon& horizon, const std::string& key);

/// The learning rate of every step, warm-up included, as torchvision's references compose it: a
/// linear or constant warm-up that starts at `warmup_factor`, then the schedule proper over what
/// is left, its times counted from 0 again.
///
/// With `interval: step` everything is counted in steps and moves at each. With `interval: epoch`
/// the rate changes where epochs begin; a warm-up in whole epochs does so too, any other (steps,
/// per cent, part of an epoch) moves at each step, and the epoch in which it ends is the
/// schedule's epoch 0. Per cent are of the whole training. A warm-up as long as the training, or
/// longer, is cut off by its end (a warning says so). Past the last step the rate stays.
///
/// Within `noise.start` and `noise.end` each epoch (or step, by `interval`) has a random factor
/// 1 + x, x normal and drawn again until |x| < noise.limit, as timm's lr_noise; warm-up included. It
/// depends on `seed` and the epoch (or step) alone.
class LearningRate {
 public:
  LearningRate(const config::RateSection& section, double base_lr, Horizon horizon, std::uint64_t seed = 0);
  /// The rate of the 0-based optimizer step.
  double at(std::int64_t step) const;
  /// True where the schedule's rate is the lowest of a cycle and `step` is the last one that has it.
  bool minimum(std::int64_t step) const;
  bool keeps_minima() const { return curve_->keeps_minima(); }

 private:
  double smooth(std::int64_t step) const;
  double noise(std::int64_t step) const;

  config::RateSection section_;
  std::unique_ptr<Schedule> curve_;
  double base_lr_;
  Horizon horizon_;
  std::uint64_t seed_;
  std::int64_t unit_;  // steps between two changes of the rate
  std::int64_t warmup_steps_;
  std::int64_t noise_begin_ = 0, noise_end_ = 0;  // steps
};

}  // namespace mlrun::optim
