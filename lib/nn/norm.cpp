#include "nn/norm.h"

#include <utility>

namespace mlrun::nn {

LayerNorm::LayerNorm(std::string type, int64_t features, double eps) : UnaryLayer(std::move(type)), eps_(eps) {
  weight = register_parameter("weight", torch::empty({features}));
  bias = register_parameter("bias", torch::empty({features}));
}

torch::Tensor LayerNorm::forward(const torch::Tensor& input) {
  if (input.is_meta()) return torch::empty_like(input);
  return torch::layer_norm(input, weight.sizes(), weight, bias, eps_);
}

void LayerNorm::reset() {
  torch::NoGradGuard no_grad;
  weight.fill_(1);
  bias.zero_();
}

torch::Tensor LayerNorm2d::forward(const torch::Tensor& input) {
  return LayerNorm::forward(input.permute({0, 2, 3, 1})).permute({0, 3, 1, 2});
}

}  // namespace mlrun::nn
