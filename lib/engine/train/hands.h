#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/compute.h"
#include "engine/task.h"
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
  double sum() const { return sum_; }

 private:
  std::int64_t samples_ = 0;
  double expected_ = 0, sum_ = 0;
};

/// The engine's side of Step: backward, accumulation, clipping, update.
class Hands : public Step {
 public:
  using Optimizers = std::map<std::string, std::unique_ptr<optim::Optimizer>>;

  Hands(const Models& models, Optimizers& optimizers, const optim::Clipping& clipping)
      : models_(models), optimizers_(optimizers), clipping_(clipping) {}

  /// Runs models as `compute` says, which must outlive this object; without it as they are.
  void compute_with(Compute& compute) {
    compute_ = &compute;
    scaler_ = compute.scaler();
  }
  /// Scales the loss by what must outlive this object; null: not at all.
  void scale_with(optim::GradScaler* scaler) { scaler_ = scaler; }

  /// Prepares for a micro-batch of `samples` of the step's `step_samples`; fewer come where some were
  /// skipped, and the step's gradient is then the mean over those that came.
  void begin(double lr, std::int64_t samples, std::int64_t step_samples, std::int64_t number, bool last);
  /// Ends a step whose last micro-batch had no samples: updates with the gradients of the others.
  void end_without_samples();
  /// Ends every step.
  void end_step();

  data::Fields run(const std::string& model, const data::Fields& inputs) override;
  void minimise(const std::string& model, const torch::Tensor& loss, double units) override;
  void log(const report::Figure& figure, double units) override;

  RunningFigures& figures() { return figures_; }
  /// The step's loss so far: the mean over its micro-batches; NaN where nothing was counted.
  double loss() const;
  /// Whether anything of the step has counted so far: else it has no loss and changes nothing.
  bool counted() const { return counted_; }
  /// Samples of the step that came so far.
  std::int64_t seen() const { return seen_; }
  /// The norm of all gradients of the step's last update, before clipping. An update whose norm is
  /// not finite is left out, so that the weights stay what they were.
  double grad_norm() const { return grad_norm_; }
  /// Whether the step just ended was skipped because fp16's loss scale was too large for it.
  bool skipped() const { return skipped_; }

 private:
  void add_gradients(optim::Optimizer& optimizer, const torch::Tensor& loss, double units);
  void update(optim::Optimizer& optimizer);

  const Models& models_;
  Optimizers& optimizers_;
  optim::Clipping clipping_;
  const Compute* compute_ = nullptr;
  optim::GradScaler* scaler_ = nullptr;
  bool skipped_ = false;
  RunningFigures figures_;
  double lr_ = 0;
  double loss_ = 0;
  UnitShares loss_units_;
  std::map<optim::Optimizer*, UnitShares> units_;  // of each one's gradients
  std::int64_t samples_ = 0, seen_ = 0;            // of the micro-batch, of the step
  std::set<optim::Optimizer*> waiting_;            // have gradients of this step and no update yet
  double grad_norm_ = 0;
  bool counted_ = false, last_ = true;
};

}  // namespace mlrun::engine
