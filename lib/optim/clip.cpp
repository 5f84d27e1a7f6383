#include "optim/clip.h"

#include <cmath>

#include <torch/torch.h>

namespace mlrun::optim {

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
