#pragma once

#include "quant/observer.h"

namespace mlrun::quant {

/// Weight of the newest tensor in a moving average.
constexpr double kMovingAverage = 0.01;

/// The least and the largest value, of the tensor or of each channel (axis 0): of all that was shown, or moving
/// averages of each tensor's.
class RangeObserver : public Observer {
 public:
  RangeObserver(const Target& target, bool per_channel, bool moving)
      : Observer(target), per_channel_(per_channel), moving_(moving) {}

  void observe(const torch::Tensor& values) override;
  bool ready() const override { return least_.defined(); }
  Affine affine() const override;

  void save(data::State& state, const std::string& prefix) const override;
  void load(const data::State& state, const std::string& prefix) override;

 private:
  bool per_channel_, moving_;
  torch::Tensor least_, most_;  // float32
};

/// A histogram over the whole range seen so far, from which the range with the least quantization error is found
/// (torch.ao's and Caffe2's norm minimization).
class HistogramObserver : public Observer {
 public:
  explicit HistogramObserver(const Target& target) : Observer(target) {}

  void observe(const torch::Tensor& values) override;
  bool ready() const override { return counts_.defined(); }
  Affine affine() const override;

  void save(data::State& state, const std::string& prefix) const override;
  void load(const data::State& state, const std::string& prefix) override;

 private:
  void begin(const torch::Tensor& values, const torch::Tensor& least, const torch::Tensor& most);
  void extend(const torch::Tensor& values, const torch::Tensor& least, const torch::Tensor& most);
  void extend_far(const torch::Tensor& values, const torch::Tensor& low, const torch::Tensor& high);

  torch::Tensor counts_;        // float32 [bins]
  torch::Tensor least_, most_;  // float32
};

}  // namespace mlrun::quant
