#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <torch/types.h>

#include "config/registry.h"
#include "data/state.h"

namespace mlrun::optim {

using NamedTensors = std::vector<std::pair<std::string, torch::Tensor>>;

/// Where the update of one parameter differs from what the optimizer's options say.
struct Treatment {
  double lr_scale = 1;                 ///< factor on the learning rate
  std::optional<double> weight_decay;  ///< in place of the optimizer's own
};

/// What an optimizer updates: parameters, and the treatment of each of them.
struct Parameters {
  /// All as the optimizer's options say.
  Parameters(NamedTensors all) : tensors(std::move(all)), treatments(tensors.size()) {}
  Parameters(NamedTensors all, std::vector<Treatment> each) : tensors(std::move(all)), treatments(std::move(each)) {}

  NamedTensors tensors;
  std::vector<Treatment> treatments;  ///< one for each tensor
};

/// Updates parameters in place from their `.grad()`. Parameters without a gradient are passed over.
class Optimizer : public data::Stateful {
 public:
  explicit Optimizer(Parameters parameters);

  /// One update with this learning rate, which each parameter's `lr_scale` multiplies.
  virtual void step(double lr) = 0;
  /// Drops all gradients (sets them to undefined, so that the next backward need not add).
  void zero_grad();
  /// The rate that the schedule scales.
  virtual double base_lr() const = 0;
  /// The weight decay of parameters whose treatment names no other.
  virtual double weight_decay() const = 0;

  const NamedTensors& parameters() const { return parameters_.tensors; }
  const std::vector<Treatment>& treatments() const { return parameters_.treatments; }

 private:
  Parameters parameters_;
};

using OptimizerFactory = config::Factory<std::unique_ptr<Optimizer>(Parameters)>;

/// `sgd`, `adam`, `adamw`, `rmsprop`.
const OptimizerFactory& optimizers();

}  // namespace mlrun::optim
