#include "optim/clip.h"

#include <cmath>

#include <torch/torch.h>

#include "optim/kernels.h"

namespace mlrun::optim {
namespace {

/// Sum of squares of one gradient; plain memory takes one pass without LibTorch's cost per call.
double squares(const torch::Tensor& gradient) {
  if (gradient.device().is_cpu() && gradient.scalar_type() == torch::kFloat &&
      gradient.is_non_overlapping_and_dense()) {
    return sum_of_squares(gradient.numel(), gradient.data_ptr<float>());
  }
  const double norm = gradient.norm().to(torch::kFloat64).item<double>();
  return norm * norm;
}

}  // namespace

double grad_norm(const NamedTensors& parameters) {
  const torch::NoGradGuard no_grad;
  double sum = 0;
  for (const auto& item : parameters) {
    const torch::Tensor& gradient = item.second.grad();
    if (gradient.defined()) sum += squares(gradient);
  }
  return std::sqrt(sum);
}

double clip_grad_norm(const NamedTensors& parameters, double max_norm) {
  const torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> gradients, norms;
  for (const auto& item : parameters) {
    const torch::Tensor& gradient = item.second.grad();
    if (!gradient.defined()) continue;
    gradients.push_back(gradient);
    norms.push_back(gradient.norm().to(gradients.front().device(), torch::kFloat64));
  }
  if (gradients.empty()) return 0;
  const double norm = torch::stack(norms).norm().item<double>();
  const double factor = max_norm / (norm + 1e-6);
  if (std::isfinite(norm) && factor < 1) {
    for (auto& gradient : gradients) gradient.mul_(factor);
  }
  return norm;
}

}  // namespace mlrun::optim
