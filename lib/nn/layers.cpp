#include "nn/layers.h"

#include <utility>

#include "base/error.h"
#include "nn/init.h"
#include "nn/rehearsal.h"
#include "nn/tap_products.h"

namespace mlrun::nn {
namespace {

// The shape alone, for inputs on the meta device: what has parameters need not have them there, and
// LibTorch's C++ side lacks meta kernels for convolution, batch norm, hardswish and adaptive pooling.
torch::Tensor meta_like(const torch::Tensor& input, std::vector<int64_t> shape) {
  return torch::empty(shape, input.options());
}

int64_t convolved(int64_t size, const Conv2dOptions& o, std::size_t axis) {
  const int64_t span = (*o.dilation)[axis] * ((*o.kernel)[axis] - 1) + 1;
  const int64_t room = size + 2 * (*o.padding)[axis] - span;
  return room < 0 ? 0 : room / (*o.stride)[axis] + 1;
}

const char* activation_name(Act kind) {
  switch (kind) {
    case Act::Relu: return "ReLU";
    case Act::Relu6: return "ReLU6";
    case Act::Hardswish: return "Hardswish";
    case Act::Hardsigmoid: return "Hardsigmoid";
    case Act::Sigmoid: return "Sigmoid";
    case Act::Gelu: return "GELU";
    case Act::Tanh: return "Tanh";
    case Act::Silu: return "SiLU";
  }
  return "";
}

torch::Tensor activate(Act kind, const torch::Tensor& x) {
  switch (kind) {
    case Act::Relu: return torch::relu(x);
    case Act::Relu6: return torch::relu6(x);
    case Act::Hardswish: return torch::hardswish(x);
    case Act::Hardsigmoid: return torch::hardsigmoid(x);
    case Act::Sigmoid: return torch::sigmoid(x);
    case Act::Gelu: return torch::gelu(x);
    case Act::Tanh: return torch::tanh(x);
    case Act::Silu: return torch::silu(x);
  }
  return x;
}

torch::Tensor activate_inplace(Act kind, torch::Tensor x) {
  switch (kind) {
    case Act::Relu: return torch::relu_(x);
    case Act::Relu6: return torch::relu6_(x);
    case Act::Hardswish: return torch::hardswish_(x);
    case Act::Hardsigmoid: return torch::hardsigmoid_(x);
    case Act::Sigmoid: return torch::sigmoid_(x);
    case Act::Gelu: return at::gelu_(x);
    case Act::Tanh: return torch::tanh_(x);
    case Act::Silu: return torch::silu_(x);
  }
  return x;
}

// Their derivatives need the input: in place, autograd would first copy it.
bool needs_input(Act kind) {
  return kind == Act::Hardswish || kind == Act::Hardsigmoid || kind == Act::Silu || kind == Act::Gelu;
}

}  // namespace

Conv2d::Conv2d(const Conv2dOptions& options) : UnaryLayer("Conv2d"), options_(options) {
  MLRUN_ASSERT(options.groups > 0 && options.in % options.groups == 0 && options.out % options.groups == 0,
               "channels must be multiples of groups");
  const auto& kernel = *options.kernel;
  weight = register_parameter("weight", torch::empty({options.out, options.in / options.groups, kernel[0], kernel[1]}));
  if (options.bias) bias = register_parameter("bias", torch::empty({options.out}));
}

torch::Tensor Conv2d::forward(const torch::Tensor& input) {
  if (convolved(input.size(2), options_, 0) < 1 || convolved(input.size(3), options_, 1) < 1) {
    throw too_small(*this, input);
  }
  if (input.is_meta()) {
    return meta_like(input, {input.size(0), options_.out, convolved(input.size(2), options_, 0),
                             convolved(input.size(3), options_, 1)});
  }
  if (prefers_tap_products(input, weight, options_)) {
    const torch::Tensor output = convolve_by_taps(input, weight, options_);
    return bias.defined() ? output + bias.view({1, -1, 1, 1}) : output;
  }
  return torch::conv2d(input, weight, bias, options_.stride, options_.padding, options_.dilation, options_.groups);
}

void Conv2d::reset() { init::reset_weight_and_bias(weight, bias); }

int64_t Conv2d::macs(const Tensors&, const Tensors& outputs) const {
  return outputs.front().numel() * (weight.numel() / weight.size(0));
}

Linear::Linear(int64_t in, int64_t out, bool with_bias) : UnaryLayer("Linear") {
  weight = register_parameter("weight", torch::empty({out, in}));
  if (with_bias) bias = register_parameter("bias", torch::empty({out}));
}

torch::Tensor Linear::forward(const torch::Tensor& input) {
  if (input.is_meta()) {
    auto shape = input.sizes().vec();
    shape.back() = weight.size(0);
    return meta_like(input, std::move(shape));
  }
  return torch::linear(input, weight, bias);
}

void Linear::reset() { init::reset_weight_and_bias(weight, bias); }

int64_t Linear::macs(const Tensors&, const Tensors& outputs) const { return outputs.front().numel() * weight.size(1); }

Activation::Activation(Act kind, bool inplace) : UnaryLayer(activation_name(kind)), kind_(kind), inplace_(inplace) {}

torch::Tensor Activation::forward(const torch::Tensor& input) {
  if (input.is_meta()) return torch::empty_like(input);
  const bool tracked = torch::GradMode::is_enabled() && input.requires_grad();
  const bool kept = tracked ? needs_input(kind_) || input.is_leaf() : Rehearsal::on() && needs_input(kind_);
  const bool inplace = inplace_ && !kept;
  return inplace ? activate_inplace(kind_, input) : activate(kind_, input);
}

torch::Tensor Dropout::forward(const torch::Tensor& input) { return torch::dropout(input, p_, is_training()); }

torch::Tensor Flatten::forward(const torch::Tensor& input) { return torch::flatten(input, 1); }

Tensors Add::forward(const Tensors& inputs) {
  torch::Tensor sum = inputs.at(0);
  return Tensors{sum.add_(inputs.at(1))};
}

Tensors Mul::forward(const Tensors& inputs) { return Tensors{torch::mul(inputs.at(0), inputs.at(1))}; }

torch::Tensor Sequential::forward(const torch::Tensor& input) {
  torch::Tensor x = input;
  for (const auto& step : steps_) x = call(*step, x);
  return x;
}

void Sequential::push(std::string name, std::shared_ptr<Layer> layer) {
  steps_.push_back(add(std::move(name), std::move(layer)));
}

}  // namespace mlrun::nn
