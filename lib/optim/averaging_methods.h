#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "config/options.h"
#include "config/registry.h"
#include "optim/averaging.h"
#include "optim/schedule.h"

namespace mlrun::optim {

/// The learning rate of the phase in which weights are averaged (torch.optim.swa_utils.SWALR): from
/// the schedule's rate at the phase's begin to `lr` over `anneal`, then constant.
struct AveragingRate {
  double lr = 0.05;
  config::Span anneal{10, config::Span::Unit::Epochs};
  bool cosine = true;  ///< else in a straight line
};

/// How batch norm's statistics are made for averaged weights (torch.optim.swa_utils.update_bn): one
/// pass over the training samples, each batch counting the same.
struct NormRenewal {
  bool augmented = true;                ///< samples as training sees them, else as evaluation does
  std::optional<std::int64_t> samples;  ///< a seeded subset of so many; nothing: all
};

/// What a recipe's `averaging` asks for.
struct AveragingPlan {
  std::unique_ptr<WeightAverage> average;  ///< null: no averaging
  std::string prefix;                      ///< of its figures: `swa_`, `ema_`
  std::optional<double> decay;             ///< of an average in which older weights fade at one rate
  config::Span start, every;               ///< taken in each `every` after `start`
  bool at_minima = false;                  ///< instead: after `start`, where the schedule's cycles are lowest
  std::optional<AveragingRate> rate;
  std::optional<NormRenewal> norms;  ///< nothing: the statistics are averaged as all else
};

struct AveragingRequest {
  std::int64_t batch_size = 0;  ///< samples per optimizer step
  double epochs = 0;
};

using AveragingFactory = config::Factory<AveragingPlan(const AveragingRequest&)>;

/// `none`, `swa`, `ema`, `swag`.
const AveragingFactory& averagings();

/// The learning rate of every step, averaging's own phase included.
class PhasedRate {
 public:
  /// The phase begins at `start_step`, with schedule.interval: epoch at the first epoch from there on.
  PhasedRate(const config::RateSection& section, double base_lr, Horizon horizon,
             const std::optional<AveragingRate>& phase, std::int64_t start_step, std::uint64_t seed = 0);
  /// The rate of the 0-based optimizer step.
  double at(std::int64_t step) const;
  /// True where a cycle of the schedule is lowest at `step`, the last that has this rate.
  bool minimum(std::int64_t step) const { return (!phase_ || step < start_) && schedule_.minimum(step); }
  bool keeps_minima() const { return schedule_.keeps_minima(); }

 private:
  LearningRate schedule_;
  std::optional<AveragingRate> phase_;
  std::int64_t unit_ = 1;   // steps between two changes of the rate
  std::int64_t start_ = 0;  // of the phase, in steps
  double anneal_ = 0;       // in units
};

}  // namespace mlrun::optim
