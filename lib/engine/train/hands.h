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
  void add(const std::string& name, double value, std::int64_t weight);
  metrics::Figures means() const;
  void clear() { sums_.clear(); }

  void save(data::State& state, const std::string& prefix) const override;
  void load(const data::State& state, const std::string& prefix) override;

 private:
  struct Sum {
    std::string name;
    double sum = 0;
    std::int64_t weight = 0;
  };
  std::vector<Sum> sums_;
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

  nn::Tensors run_all(const std::string& model, const torch::Tensor& input) override;
  void minimise(const std::string& model, const torch::Tensor& loss) override;
  void log(const std::string& name, const torch::Tensor& value, std::int64_t weight) override;

  RunningFigures& figures() { return figures_; }
  /// The step's loss so far: the mean over its micro-batches; NaN where every sample was skipped.
  double loss() const;
  /// Samples of the step that came so far.
  std::int64_t seen() const { return seen_; }
  /// The norm of all gradients of the step's last update, before clipping. An update whose norm is
  /// not finite is left out, so that the weights stay what they were.
  double grad_norm() const { return grad_norm_; }
  /// Whether the step just ended was skipped because fp16's loss scale was too large for it.
  bool skipped() const { return skipped_; }

 private:
  void update(optim::Optimizer& optimizer);

  const Models& models_;
  Optimizers& optimizers_;
  optim::Clipping clipping_;
  const Compute* compute_ = nullptr;
  optim::GradScaler* scaler_ = nullptr;
  bool skipped_ = false;
  RunningFigures figures_;
  double lr_ = 0;
  double share_ = 1;  // of the step's samples, in this micro-batch
  double loss_ = 0;
  std::int64_t seen_ = 0, step_samples_ = 0;
  std::set<optim::Optimizer*> waiting_;  // have gradients of this step and no update yet
  double grad_norm_ = 0;
  bool last_ = true;
};

}  // namespace mlrun::engine
