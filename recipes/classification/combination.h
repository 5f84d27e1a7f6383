#pragma once

#include <torch/types.h>

#include "engine/task.h"

namespace mlrun::classification {

/// The mean of the members' softmax probabilities (Lakshminarayanan et al., "Simple and Scalable
/// Predictive Uncertainty Estimation using Deep Ensembles", NeurIPS 2017). It is kept and given as
/// logarithms in float64, so that a probability too small for a number keeps its place; the softmax
/// of `result` are the mean probabilities.
class MeanProbabilities : public engine::Combination {
 public:
  void add(const data::Fields& prediction) override;
  data::Fields result() const override;

 private:
  torch::Tensor sum_;  // logarithm of the sum of probabilities, [N, C] float64
  std::int64_t count_ = 0;
};

}  // namespace mlrun::classification
