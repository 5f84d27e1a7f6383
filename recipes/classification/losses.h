#pragma once

#include <memory>

#include <torch/types.h>

#include "config/registry.h"

namespace mlrun::classification {

/// What training lowers.
class Loss {
 public:
  virtual ~Loss() = default;
  /// Mean over the batch, a scalar. `logits` [N, C] float, `labels` [N] int64.
  virtual torch::Tensor operator()(const torch::Tensor& logits, const torch::Tensor& labels) const = 0;
};

using LossFactory = config::Factory<std::unique_ptr<Loss>()>;

/// `cross_entropy`.
const LossFactory& losses();

}  // namespace mlrun::classification
