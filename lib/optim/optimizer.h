#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <torch/types.h>

#include "config/registry.h"
#include "data/state.h"

namespace mlrun::optim {

using NamedTensors = std::vector<std::pair<std::string, torch::Tensor>>;

/// Updates parameters in place from their `.grad()`. Parameters without a gradient are passed over.
class Optimizer : public data::Stateful {
 public:
  explicit Optimizer(NamedTensors parameters) : parameters_(std::move(parameters)) {}

  /// One update with this learning rate.
  virtual void step(double lr) = 0;
  /// Drops all gradients (sets them to undefined, so that the next backward need not add).
  void zero_grad();
  /// The rate that the schedule scales.
  virtual double base_lr() const = 0;

  const NamedTensors& parameters() const { return parameters_; }

 private:
  NamedTensors parameters_;
};

using OptimizerFactory = config::Factory<std::unique_ptr<Optimizer>(NamedTensors)>;

/// `sgd`, `adam`, `adamw`, `rmsprop`.
const OptimizerFactory& optimizers();

}  // namespace mlrun::optim
