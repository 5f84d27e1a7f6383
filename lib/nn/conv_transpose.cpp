#include "nn/conv_transpose.h"

#include "nn/init.h"

namespace mlrun::nn {

ConvTranspose2d::ConvTranspose2d(const ConvTransposeOptions& o) : UnaryLayer("ConvTranspose2d"), options_(o) {
  weight = register_parameter("weight", torch::empty({o.in, o.out, o.kernel, o.kernel}));
  bias = register_parameter("bias", torch::empty({o.out}));
}

torch::Tensor ConvTranspose2d::forward(const torch::Tensor& input) {
  const auto& o = options_;
  if (input.is_meta()) {
    const auto grown = [&](std::int64_t side) { return (side - 1) * o.stride + o.kernel - 2 * o.padding; };
    return torch::empty({input.size(0), o.out, grown(input.size(2)), grown(input.size(3))}, input.options());
  }
  return at::conv_transpose2d(input, weight, bias, o.stride, o.padding);
}

void ConvTranspose2d::reset() { init::reset_weight_and_bias(weight, bias); }

int64_t ConvTranspose2d::macs(const Tensors& inputs, const Tensors&) const {
  return inputs.front().numel() * (weight.numel() / weight.size(0));
}

}  // namespace mlrun::nn
