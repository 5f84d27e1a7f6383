#include "optim/clip.h"

#include <cmath>

#include <torch/types.h>
#include <torch/utils.h>

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

/// The norm of each unit, shaped so that it spreads over the tensor.
torch::Tensor unit_norms(const torch::Tensor& tensor) {
  if (tensor.dim() <= 1) return tensor.norm();
  std::vector<std::int64_t> rest;
  for (std::int64_t d = 1; d < tensor.dim(); ++d) rest.push_back(d);
  return tensor.norm(2, rest, /*keepdim=*/true);
}

/// `features.0.weight` is of the layer `features.0`.
std::string layer_of(const std::string& parameter) {
  const auto dot = parameter.rfind('.');
  return dot == std::string::npos ? "" : parameter.substr(0, dot);
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

void clip_grad_value(const NamedTensors& parameters, double max_value) {
  const torch::NoGradGuard no_grad;
  for (const auto& item : parameters) {
    if (item.second.grad().defined()) item.second.mutable_grad().clamp_(-max_value, max_value);
  }
}

void clip_grad_adaptive(const NamedTensors& parameters, double factor, double eps) {
  const torch::NoGradGuard no_grad;
  if (parameters.empty()) return;
  const std::string head = layer_of(parameters.back().first);
  for (const auto& [name, parameter] : parameters) {
    if (!parameter.grad().defined() || layer_of(name) == head) continue;
    torch::Tensor gradient = parameter.grad();
    const torch::Tensor largest = unit_norms(parameter.detach()).clamp_min_(eps).mul_(factor);
    const torch::Tensor norms = unit_norms(gradient);
    gradient.mul_(torch::where(norms < largest, torch::ones_like(norms), largest / norms.clamp_min(1e-6)));
  }
}

Clipping Clipping::of(const config::TrainSection& train) {
  return {train.clip_grad_norm, train.clip_grad_value, train.clip_agc};
}

double Clipping::apply(const NamedTensors& parameters) const {
  if (norm) return clip_grad_norm(parameters, *norm);
  const double before = grad_norm(parameters);
  if (!std::isfinite(before)) return before;
  if (value) clip_grad_value(parameters, *value);
  if (agc) clip_grad_adaptive(parameters, *agc);
  return before;
}

}  // namespace mlrun::optim
