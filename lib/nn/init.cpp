#include "nn/init.h"

#include <cmath>

#include "nn/layers.h"

namespace mlrun::nn::init {
namespace {

int64_t fan_in(const torch::Tensor& weight) { return weight.numel() / weight.size(0); }
int64_t fan_out(const torch::Tensor& weight) { return weight.numel() / weight.size(1); }

void zero_bias(torch::Tensor bias) {
  if (bias.defined()) bias.zero_();
}

}  // namespace

void kaiming_uniform(torch::Tensor weight, double a) {
  torch::NoGradGuard no_grad;
  const double gain = std::sqrt(2.0 / (1 + a * a));
  const double std = gain / std::sqrt(static_cast<double>(fan_in(weight)));
  const double bound = std::sqrt(3.0) * std;
  weight.uniform_(-bound, bound);
}

void kaiming_normal_fan_out(torch::Tensor weight) {
  normal(weight, 0, std::sqrt(2.0) / std::sqrt(static_cast<double>(fan_out(weight))));
}

void kaiming_normal_fan_in(torch::Tensor weight) {
  normal(weight, 0, std::sqrt(2.0) / std::sqrt(static_cast<double>(fan_in(weight))));
}

void normal(torch::Tensor tensor, double mean, double std) {
  torch::NoGradGuard no_grad;
  tensor.normal_(mean, std);
}

void trunc_normal(torch::Tensor tensor, double mean, double std, double low, double high) {
  torch::NoGradGuard no_grad;
  const auto below = [&](double x) { return (1 + std::erf((x - mean) / std / std::sqrt(2.0))) / 2; };
  tensor.uniform_(2 * below(low) - 1, 2 * below(high) - 1);
  tensor.erfinv_().mul_(std * std::sqrt(2.0)).add_(mean).clamp_(low, high);
}

void xavier_uniform(torch::Tensor weight) {
  torch::NoGradGuard no_grad;
  const double std = std::sqrt(2.0 / static_cast<double>(fan_in(weight) + fan_out(weight)));
  const double bound = std::sqrt(3.0) * std;
  weight.uniform_(-bound, bound);
}

void uniform(torch::Tensor tensor, double bound) {
  torch::NoGradGuard no_grad;
  tensor.uniform_(-bound, bound);
}

void reset_weight_and_bias(torch::Tensor weight, torch::Tensor bias) {
  kaiming_uniform(weight, std::sqrt(5.0));
  if (!bias.defined()) return;
  torch::NoGradGuard no_grad;
  const double bound = 1 / std::sqrt(static_cast<double>(fan_in(weight)));
  bias.uniform_(-bound, bound);
}

void redraw(Layer& root, std::optional<double> linear_std) {
  torch::NoGradGuard no_grad;
  for (Layer* layer : root.all_layers()) {
    if (auto* conv = dynamic_cast<Conv2d*>(layer)) {
      kaiming_normal_fan_out(conv->weight);
      zero_bias(conv->bias);
    } else if (auto* linear = dynamic_cast<Linear*>(layer); linear && linear_std) {
      normal(linear->weight, 0, *linear_std);
      zero_bias(linear->bias);
    }
  }
}

void redraw_truncated(Layer& root, double std, bool convolutions) {
  torch::NoGradGuard no_grad;
  const auto draw = [std](torch::Tensor weight, torch::Tensor bias) {
    trunc_normal(weight, 0, std);
    zero_bias(bias);
  };
  for (Layer* layer : root.all_layers()) {
    if (auto* linear = dynamic_cast<Linear*>(layer)) {
      draw(linear->weight, linear->bias);
    } else if (auto* conv = dynamic_cast<Conv2d*>(layer); conv && convolutions) {
      draw(conv->weight, conv->bias);
    }
  }
}

}  // namespace mlrun::nn::init
