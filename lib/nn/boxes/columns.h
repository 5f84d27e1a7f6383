#pragma once

#include <torch/types.h>

#include "nn/boxes/kernels.h"

namespace mlrun::nn {

/// Boxes [N, 4] on the CPU by coordinate, with their areas.
class Columns {
 public:
  explicit Columns(const torch::Tensor& boxes)
      : values_(boxes.t().contiguous()), areas_((values_[2] - values_[0]) * (values_[3] - values_[1])) {}

  template <class Scalar>
  BoxColumns<Scalar> of() const {
    const auto* first = values_.data_ptr<Scalar>();
    const std::int64_t n = values_.size(1);
    return {first, first + n, first + 2 * n, first + 3 * n, areas_.data_ptr<Scalar>()};
  }

 private:
  torch::Tensor values_, areas_;
};

/// Whether the kernels take these: floats or doubles on the CPU, no derivative wanted.
inline bool for_kernels(const torch::Tensor& values) {
  const auto type = values.scalar_type();
  return values.is_cpu() && (type == torch::kFloat || type == torch::kDouble) &&
         !(values.requires_grad() && at::GradMode::is_enabled());
}

}  // namespace mlrun::nn
