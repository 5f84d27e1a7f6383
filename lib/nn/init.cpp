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

void normal(torch::Tensor tensor, double mean, double std) {
  torch::NoGradGuard no_grad;
  tensor.normal_(mean, std);
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

}  // namespace mlrun::nn::init
