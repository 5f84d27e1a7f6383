#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <torch/types.h>

#include "data/state.h"

/// Averages of weights, taken in one set after the other. Floating tensors are averaged, batch
/// norm's running statistics among them; of others (counters, index tables) the newest are kept.
namespace mlrun::optim {

using NamedTensors = std::vector<std::pair<std::string, torch::Tensor>>;

/// True for `running_mean`, `running_var` and `num_batches_tracked` of a batch norm.
bool is_norm_statistic(const std::string& name);

/// A set of averages. Every set taken in has the same names, shapes and dtypes in the same order
/// (an assertion); its tensors are not kept.
class WeightAverage : public data::Stateful {
 public:
  virtual void add(const NamedTensors& weights) = 0;

  /// How many sets were taken in.
  virtual std::int64_t count() const = 0;

  /// The average, under the names and dtypes of what was taken in; at least one set must have been.
  virtual NamedTensors mean() const = 0;
};

/// Weighted mean with sums in float64: sum of w x / sum of w. torch.optim.swa_utils keeps a running
/// mean in float32 instead, which is off by more than 1e-7 in every fifth element.
class EqualAverage : public WeightAverage {
 public:
  void add(const NamedTensors& weights) override { add(NamedTensors(weights), 1); }
  /// Gives up each tensor once it is taken in.
  void add(NamedTensors weights, double share);
  std::int64_t count() const override { return count_; }
  NamedTensors mean() const override;
  /// The same, giving up each sum once it is used, so that no more than one set stands beside them;
  /// the average is empty then.
  NamedTensors release_mean();
  /// The same in float64, where averaged.
  NamedTensors exact_mean() const;
  void save(data::State& state, const std::string& prefix) const override;
  void load(const data::State& state, const std::string& prefix) override;

 private:
  std::int64_t count_ = 0;
  double total_ = 0;
  NamedTensors sums_;  // float64; of dtypes that are not averaged, the newest
  std::vector<torch::ScalarType> dtypes_;
};

/// Exponential moving average: `decay` x average + (1 - decay) x weights after each set; the first
/// one is taken as it is. Kept in float32 (float64 for float64 weights), as timm and torchvision do. With `warmup` the
/// decay of set n (from 0) is at most 1 - (1 + n)^(-2/3), timm's ModelEmaV3.
class ExponentialAverage : public WeightAverage {
 public:
  explicit ExponentialAverage(double decay, bool warmup = false) : decay_(decay), warmup_(warmup) {}
  void add(const NamedTensors& weights) override;
  std::int64_t count() const override { return count_; }
  NamedTensors mean() const override;
  void save(data::State& state, const std::string& prefix) const override;
  void load(const data::State& state, const std::string& prefix) override;

 private:
  double decay() const;

  double decay_;
  bool warmup_;
  std::int64_t count_ = 0;
  NamedTensors averages_;
  std::vector<torch::ScalarType> dtypes_;
};

/// Stochastic weight averaging-Gaussian (Maddox et al., "A Simple Baseline for Bayesian Uncertainty
/// in Deep Learning", NeurIPS 2019): mean, second moment and the last `rank` deviations from the
/// running mean.
class GaussianAverage : public WeightAverage {
 public:
  explicit GaussianAverage(std::int64_t rank) : rank_(rank) {}
  void add(const NamedTensors& weights) override;
  std::int64_t count() const override { return mean_.count(); }
  NamedTensors mean() const override { return mean_.mean(); }

  /// Mean of the squares minus the square of the mean, at least 0; float64, of what varies between draws: floating
  /// tensors that are no batch norm's statistics.
  NamedTensors variance() const;

  /// A draw: mean + sqrt(scale) (sqrt(variance) z1 + D z2 / sqrt(K - 1)), where D holds the K kept
  /// deviations and z1, z2 are standard normal. `scale` 0.5 is the paper's posterior. The noise of
  /// one draw depends on (seed, draw) alone. At least two sets must have been taken in.
  NamedTensors sample(std::uint64_t seed, std::int64_t draw, double scale) const;

  void save(data::State& state, const std::string& prefix) const override;
  void load(const data::State& state, const std::string& prefix) override;

 private:
  std::int64_t rank_;
  EqualAverage mean_, squares_;
  std::vector<NamedTensors> deviations_;  // oldest first, float32
};

}  // namespace mlrun::optim
