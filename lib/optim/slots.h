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
  std::vector<torch::Tensor> states;  ///< like the parameter; none before the first update
};

/// What holds for one parameter in one step.
struct Rates {
  double lr = 0;
  double weight_decay = 0;
};

/// Updates `count` elements of one parameter from `offset` on; calls may run side by side.
using Pass = std::function<void(std::int64_t offset, std::int64_t count)>;

/// An optimizer that treats each parameter by itself, with its own state: all of ours. Methods
/// supply the update twice, as a pass and by operators; the walk over the parameters, one parallel
/// region for all passes, and saving and loading are common.
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
  SlotOptimizer(Parameters parameters, std::vector<std::string> states);

  /// The update of `parameter` and `slot.states` in place where `single_pass` allows it, float32 or
  /// float64. `slot.updates` already counts this update: 1 in the first.
  virtual Pass pass(const torch::Tensor& parameter, const torch::Tensor& gradient, Slot& slot,
                    const Rates& rates) const = 0;
  /// The same for all other memory; runs without gradient recording.
  virtual void update(torch::Tensor& parameter, torch::Tensor gradient, Slot& slot, const Rates& rates) const = 0;
  /// What a state, named by its place in a slot, holds before the first update.
  virtual double initial(std::size_t state) const;

 private:
  void open(Slot& slot, const torch::Tensor& parameter) const;
  Slot load_slot(const data::State& state, const std::string& prefix, std::size_t index) const;

  std::vector<std::string> names_;
  std::vector<Slot> slots_;
};

/// Whether one pass over raw memory may update `parameter`: it, its gradient and its state lie on
/// the CPU as float32 or float64, dense, in the same order of elements (channels-last included).
bool single_pass(const torch::Tensor& parameter, const torch::Tensor& gradient, const Slot& slot);

/// A pass over all elements of one tensor.
struct Job {
  std::int64_t size = 0;
  Pass pass;
};

/// Runs all jobs in one parallel region, the elements of all together shared out evenly; where that
/// does not pay, one after the other.
void run_passes(const std::vector<Job>& jobs);

}  // namespace mlrun::optim
