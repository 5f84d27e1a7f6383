#pragma once

#include <memory>

#include <torch/types.h>

#include "config/registry.h"

namespace mlrun::classification {

/// What training lowers.
class Loss {
 public:
  virtual ~Loss() = default;
  /// Mean over the batch's units, a scalar. `logits` [N, C] floating; `targets` either labels, [N] int64, or
  /// each class's share, [N, C] of the logits' dtype.
  virtual torch::Tensor operator()(const torch::Tensor& logits, const torch::Tensor& targets) const = 0;
  /// What the mean is over: the samples, or the sum of their weights.
  virtual double units(const torch::Tensor& targets) const { return static_cast<double>(targets.size(0)); }
  /// UserError at its key where an option does not fit so many classes.
  virtual void check(std::int64_t /*classes*/) const {}
};

using LossFactory = config::Factory<std::unique_ptr<Loss>()>;

/// `cross_entropy`, `bce`.
const LossFactory& losses();

/// Each class's share, [N, classes] of `dtype`: one-hot for labels [N]; shares are returned as they are.
torch::Tensor soft_targets(const torch::Tensor& targets, std::int64_t classes, torch::ScalarType dtype);

}  // namespace mlrun::classification
