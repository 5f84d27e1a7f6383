#include "nn/blocks.h"

#include <algorithm>

namespace mlrun::nn {

std::shared_ptr<Sequential> conv_norm_act(const ConvNormActOptions& o) {
  auto block = std::make_shared<Sequential>("Conv2dNormActivation");
  block->push(std::make_shared<Conv2d>(Conv2dOptions{.in = o.in,
                                                     .out = o.out,
                                                     .kernel = o.kernel,
                                                     .stride = o.stride,
                                                     .padding = (o.kernel - 1) / 2 * o.dilation,
                                                     .dilation = o.dilation,
                                                     .groups = o.groups,
                                                     .bias = false}));
  block->push(make_norm(o.out, o.norm));
  if (o.activation) block->push(std::make_shared<Activation>(*o.activation));
  return block;
}

SqueezeExcitation::SqueezeExcitation(int64_t channels, int64_t squeezed, Act activation, Act scale)
    : UnaryLayer("SqueezeExcitation") {
  avgpool_ = add("avgpool", std::make_shared<AdaptiveAvgPool2d>(1));
  fc1_ = add("fc1", std::make_shared<Conv2d>(Conv2dOptions{.in = channels, .out = squeezed}));
  fc2_ = add("fc2", std::make_shared<Conv2d>(Conv2dOptions{.in = squeezed, .out = channels}));
  activation_ = add("activation", std::make_shared<Activation>(activation));
  scale_activation_ = add("scale_activation", std::make_shared<Activation>(scale));
  mul_ = add("mul", std::make_shared<Mul>());
}

torch::Tensor SqueezeExcitation::forward(const torch::Tensor& input) {
  torch::Tensor scale = call(*avgpool_, input);
  scale = call(*activation_, call(*fc1_, scale));
  scale = call(*scale_activation_, call(*fc2_, scale));
  return call(*mul_, scale, input);
}

int64_t make_divisible(double channels, int64_t divisor) {
  const auto nearest = static_cast<int64_t>(channels + static_cast<double>(divisor) / 2) / divisor * divisor;
  const int64_t rounded = std::max(divisor, nearest);
  return static_cast<double>(rounded) < 0.9 * channels ? rounded + divisor : rounded;
}

}  // namespace mlrun::nn
