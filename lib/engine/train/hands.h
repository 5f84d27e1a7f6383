#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "dist/group.h"
#include "engine/compute.h"
#include "engine/feed.h"
#include "engine/task.h"
#include "engine/train/hooks.h"
#include "optim/clip.h"
#include "optim/optimizer.h"

namespace mlrun::engine {

/// Means of named figures over an epoch, summed in float64.
class RunningFigures : public data::Stateful {
 public:
  /// Nothing without weight.
  void add(const report::Figure& figure, double weight);
  metrics::Figures means() const;
  void clear() { sums_.clear(); }

  void save(data::State& state, const std::string& prefix) const override;
  void load(const data::State& state, const std::string& prefix) override;

 private:
  struct Sum {
    report::Figure figure;  ///< its value is unused
    double sum = 0;
    double weight = 0;
  };
  std::vector<Sum> sums_;
};

/// Weighs the micro-batches of a step by units whose sum is known only with the last one: each by its units against
/// the number that the step would have if it went on as it began.
class UnitShares {
 public:
  /// Begins a step of `samples`.
  void begin(std::int64_t samples) {
    *this = {};
    samples_ = samples;
  }
  /// The share of a micro-batch of `samples`.
  double add(double units, std::int64_t samples);
  /// What turns the sum of the parts so weighed into their mean; 1 where the step had the units that it was to have.
  double correction() const { return expected_ == sum_ ? 1 : expected_ / sum_; }
  /// What turns it into their sum.
  double expected() const { return expected_; }
  double sum() const { return sum_; }

 private:
  std::int64_t samples_ = 0;
  double expected_ = 0, sum_ = 0;
};

/// The engine's side of Step: backward, accumulation, clipping, update.
class Hands : public Step {
 public:
  using Optimizers = std::map<std::string, std::unique_ptr<optim::Optimizer>>;

  Hands(const Models& models, Optimizers& optimizers, const optim::Clipping& clipping);

  /// Runs models as `compute` says, which must outlive this object; without it as they are.
  void compute_with(Compute& compute);
  /// Scales the losses of `model` by what must outlive this object; null: not at all.
  void scale_with(const std::string& model, optim::GradScaler* scaler) { sides_.at(model).scaler = scaler; }
  /// Makes each step of the micro-batches of all ranks of `group`, which must outlive this object: a gradient is the
  /// mean over their units.
  void share_with(dist::Group& group) { group_ = &group; }
  /// Tells this of what was learnt; it must outlive this object.
  void feed_back_to(Feed& feed) { feed_ = &feed; }

  /// The rate of one model for the steps to come; `begin` sets that of all.
  void set_rate(const std::string& model, double lr) { sides_.at(model).lr = lr; }
  /// Begins the `number`-th phase of a step, called `name`. Without phases it need not be called.
  void enter(std::size_t number, const std::string& name);
  /// Prepares for a micro-batch of `samples` of the step's `step_samples`; fewer come where some were
  /// skipped, and the step's gradient is then the mean over those that came.
  void begin(std::int64_t samples, std::int64_t step_samples, std::int64_t number, bool last);
  void begin(double lr, std::int64_t samples, std::int64_t step_samples, std::int64_t number, bool last);
  /// Ends a phase whose last micro-batch had no samples: updates with the gradients of the others.
  void end_without_samples();
  /// Ends every phase.
  void end_phase();

  data::Fields run(const std::string& model, const data::Fields& inputs) override;
  void minimise(const std::string& model, const torch::Tensor& loss, double units) override;
  void log(const report::Figure& figure, double units) override;
  void feedback(const data::Fields& learnt) override;

  RunningFigures& figures() { return figures_; }
  /// The step's loss so far: the mean over its micro-batches, of several models' losses the sum, of several phases of
  /// one model their mean; NaN where nothing was counted.
  double loss() const;
  /// The same for each model, where several have minimised one in this step.
  ByModel losses() const;
  /// The model whose loss is not finite; null: all are.
  const std::string* diverged() const;
  /// Whether anything of the step has counted so far: else it has no loss and changes nothing.
  bool counted() const { return counted_; }
  /// Samples of the step that came so far.
  std::int64_t seen() const { return seen_; }
  /// The norm of all gradients of the step's updates, before clipping. An update whose norm is
  /// not finite is left out, so that the weights stay what they were.
  double grad_norm() const { return grad_norm_; }
  /// Whether fp16's loss scale was too large for an update of the step: that one is left out, those of other models
  /// are whole.
  bool skipped() const { return skipped_; }
  /// Whether all gradients that no loss scale is to blame for were finite.
  bool sound() const { return !unsound_; }

 private:
  /// One model's part of a step.
  struct Side {
    optim::Optimizer* optimizer = nullptr;
    optim::GradScaler* scaler = nullptr;
    double lr = 0;
    UnitShares units;        // of its gradients and its loss
    bool minimised = false;  // in this micro-batch
    bool waiting = false;    // has gradients of this phase and no update yet
    bool updated = false;    // in this phase
    double loss = 0;         // of this phase
    double before = 0;       // losses of earlier phases of the step
    int phases = 0;          // that these are of

    double mean_loss(bool last) const;
  };

  void add_gradients(Side& side, const torch::Tensor& loss, double units);
  bool in_company() const { return group_->size() > 1; }
  void make_mean(const Side& side);
  bool make_common_mean(const Side& side);
  void update(Side& side);

  const Models& models_;
  optim::Clipping clipping_;
  const Compute* compute_ = nullptr;
  dist::Group* group_ = &dist::alone();
  Feed* feed_ = nullptr;
  std::map<std::string, Side> sides_;  // in the order of names: an address would be another one in the next process
  RunningFigures figures_;
  std::size_t phase_number_ = 0;
  std::int64_t samples_ = 0, seen_ = 0;  // of the micro-batch, of the step
  double grad_norm_ = 0;
  bool skipped_ = false, unsound_ = false, counted_ = false, last_ = true;
};

}  // namespace mlrun::engine
