#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <torch/types.h>

#include "optim/optimizer.h"

namespace mlrun::optim {

/// What an optimizer keeps for one parameter.
struct Slot {
  std::int64_t updates = 0;           ///< made so far
  std::vector<torch::Tensor> states;  ///< like the parameter, zeros before the first update
};

/// An optimizer that treats each parameter by itself, with its own state: all of ours. Methods
/// supply `update`; the walk over the parameters and saving and loading are common.
class SlotOptimizer : public Optimizer {
 public:
  void step(double lr) final;
  /// `<prefix><state>.<parameter>` for each tensor (they alias this optimizer's, so write them out
  /// before the next step) and the value `<prefix>updates`, a count for each parameter.
  void save(data::State& state, const std::string& prefix) const final;
  /// UserError that names what is missing or has another shape; nothing is loaded then.
  void load(const data::State& state, const std::string& prefix) final;

 protected:
  /// `states` names the tensors of a slot, in order.
  SlotOptimizer(NamedTensors parameters, std::vector<std::string> states);

  /// Updates `parameter` and `slot.states` in place; runs without gradient recording.
  /// `slot.updates` already counts this update: 1 in the first.
  virtual void update(torch::Tensor& parameter, const torch::Tensor& gradient, Slot& slot, double lr) = 0;

 private:
  Slot load_slot(const data::State& state, const std::string& prefix, std::size_t index) const;

  std::vector<std::string> names_;
  std::vector<Slot> slots_;
};

/// Whether one pass over raw memory may update `parameter`: it, its gradient and its state lie on
/// the CPU as float32 or float64, dense, in the same order of elements (channels-last included).
bool single_pass(const torch::Tensor& parameter, const torch::Tensor& gradient, const Slot& slot);

/// Runs `pass(offset, count)` over all elements of a dense `parameter`, in parallel where that pays,
/// and tells autograd that it was written to.
void run_pass(torch::Tensor& parameter, const std::function<void(std::int64_t, std::int64_t)>& pass);

}  // namespace mlrun::optim
