#pragma once

#include <string>

#include "quant/observer.h"

namespace mlrun::quant {

/// Rounds a tensor to the integers that it will become and keeps it float; gradients pass where nothing was clipped.
/// The range is a moving average of what came by: torch.ao's FusedMovingAvgObsFakeQuantize, by the same operator.
class FakeQuantizer : public data::Stateful {
 public:
  /// `per_channel`: along axis 0.
  FakeQuantizer(const Target& target, bool per_channel);

  /// `observe`: the range takes in the values first. What is not finite stays so.
  torch::Tensor operator()(const torch::Tensor& values, bool observe);

  /// The scale that int8 takes, as torch.ao's convert finds it from the range, on the CPU. UserError that names the
  /// layer where nothing was seen.
  Affine affine(const std::string& layer) const;

  /// The range so far, float32: [1] or [channels].
  const torch::Tensor& least() const { return least_; }
  const torch::Tensor& most() const { return most_; }

  void save(data::State& state, const std::string& prefix) const override;
  void load(const data::State& state, const std::string& prefix) override;

 private:
  void move_to(const torch::Device& device);

  Target target_;
  bool per_channel_;
  bool seen_ = false;
  torch::Tensor least_, most_, scale_, zero_point_;  // the operator's own
  torch::Tensor on_, off_;                           // its switches
};

}  // namespace mlrun::quant
