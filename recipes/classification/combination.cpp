#include "recipes/classification/combination.h"

#include <cmath>

#include <torch/types.h>

#include "base/error.h"

namespace mlrun::classification {

void MeanProbabilities::add(const data::Fields& prediction) {
  const torch::Tensor shares = prediction.tensor("logits").detach().to(torch::kFloat64).log_softmax(1);
  MLRUN_ASSERT(count_ == 0 || sum_.sizes() == shares.sizes(), "members of an ensemble predict the same batch");
  sum_ = count_ == 0 ? shares : torch::logaddexp(sum_, shares);
  ++count_;
}

data::Fields MeanProbabilities::result() const {
  MLRUN_ASSERT(count_ > 0, "a combination of nothing");
  data::Fields fields;
  fields.set("logits", sum_ - std::log(static_cast<double>(count_)));
  return fields;
}

}  // namespace mlrun::classification
