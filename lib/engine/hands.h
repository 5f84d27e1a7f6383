#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/task.h"
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

  Hands(const Models& models, Optimizers& optimizers, std::optional<double> clip_grad_norm)
      : models_(models), optimizers_(optimizers), clip_grad_norm_(clip_grad_norm) {}

  /// Prepares for a micro-batch of `samples` of the step's `step_samples`.
  void begin(double lr, std::int64_t samples, std::int64_t step_samples, std::int64_t number, bool last);

  torch::Tensor run(const std::string& model, const torch::Tensor& input) override;
  void minimise(const std::string& model, const torch::Tensor& loss) override;
  void log(const std::string& name, const torch::Tensor& value, std::int64_t weight) override;

  RunningFigures& figures() { return figures_; }
  /// The step's loss so far: the mean over its micro-batches.
  double loss() const { return loss_; }

 private:
  void update(optim::Optimizer& optimizer);

  const Models& models_;
  Optimizers& optimizers_;
  std::optional<double> clip_grad_norm_;
  RunningFigures figures_;
  double lr_ = 0;
  double share_ = 1;  // of the step's samples, in this micro-batch
  double loss_ = 0;
  bool last_ = true;
};

}  // namespace mlrun::engine
