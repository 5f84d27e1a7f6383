#include "nn/attention.h"

#include <cmath>
#include <utility>

#include "base/error.h"
#include "nn/init.h"

namespace mlrun::nn {

Tensors MatMul::forward(const Tensors& inputs) {
  const torch::Tensor a = options_.scale == 1 ? inputs.at(0) : inputs.at(0) * options_.scale;
  return Tensors{torch::matmul(a, options_.transpose_second ? inputs.at(1).transpose(-2, -1) : inputs.at(1))};
}

int64_t MatMul::macs(const Tensors& inputs, const Tensors& outputs) const {
  return outputs.front().numel() * inputs.front().size(-1);
}

Tensors SplitHeads::forward(const Tensors& inputs) {
  const torch::Tensor& x = inputs.at(0);
  const auto split = x.reshape({-1, x.size(-2), 3, heads_, x.size(-1) / (3 * heads_)}).permute({2, 0, 3, 1, 4});
  const auto parts = split.contiguous();
  return Tensors{parts.select(0, 0), parts.select(0, 1), parts.select(0, 2)};
}

torch::Tensor MergeHeads::forward(const torch::Tensor& input) {
  return input.transpose(1, 2).reshape({-1, input.size(2), input.size(1) * input.size(3)});
}

DotProductAttention::DotProductAttention(const AttentionOptions& options) : Layer("DotProductAttention") {
  scores_ = add("scores", std::make_shared<MatMul>(MatMulOptions{.scale = options.scale, .transpose_second = true}));
  if (options.bias) bias_ = add("bias", std::make_shared<Add>());
  softmax_ = add("softmax", std::make_shared<Softmax>(-1));
  dropout_ = add("dropout", std::make_shared<Dropout>(options.dropout));
  values_ = add("values", std::make_shared<MatMul>());
}

Tensors DotProductAttention::forward(const Tensors& inputs) {
  torch::Tensor weights = call(*scores_, inputs.at(0), inputs.at(1));
  if (bias_) {
    const torch::Tensor& bias = inputs.at(3);
    const auto shape = weights.sizes().vec();
    const bool windows = bias.size(0) > 1;
    if (windows) weights = weights.view({-1, bias.size(0), shape[1], shape[2], shape[3]});
    weights = call(*bias_, weights, bias);
    if (windows) weights = weights.view({-1, shape[1], shape[2], shape[3]});
  }
  weights = call(*dropout_, call(*softmax_, weights));
  return Tensors{call(*values_, weights, inputs.at(2))};
}

InProjection::InProjection(torch::Tensor weight, torch::Tensor bias)
    : UnaryLayer("InProjection"), weight_(std::move(weight)), bias_(std::move(bias)) {}

torch::Tensor InProjection::forward(const torch::Tensor& input) {
  if (input.is_meta()) return torch::empty({input.size(0), input.size(1), weight_.size(0)}, input.options());
  return torch::linear(input, weight_, bias_);
}

int64_t InProjection::macs(const Tensors&, const Tensors& outputs) const {
  return outputs.front().numel() * weight_.size(1);
}

MultiheadAttention::MultiheadAttention(int64_t channels, int64_t heads, double dropout)
    : UnaryLayer("MultiheadAttention") {
  MLRUN_ASSERT(channels % heads == 0, "channels must be a multiple of heads");
  in_proj_weight = register_parameter("in_proj_weight", torch::empty({3 * channels, channels}));
  in_proj_bias = register_parameter("in_proj_bias", torch::empty({3 * channels}));
  out_proj_ = add("out_proj", std::make_shared<Linear>(channels, channels));
  in_proj_ = add("in_proj", std::make_shared<InProjection>(in_proj_weight, in_proj_bias));
  split_ = add("split", std::make_shared<SplitHeads>(heads));
  const double scale = 1 / std::sqrt(static_cast<double>(channels / heads));
  const AttentionOptions options{.scale = scale, .bias = false, .dropout = dropout};
  attention_ = add("attention", std::make_shared<DotProductAttention>(options));
  merge_ = add("merge", std::make_shared<MergeHeads>());
}

torch::Tensor MultiheadAttention::forward(const torch::Tensor& input) {
  const Tensors parts = call(*split_, Tensors{call(*in_proj_, input)});
  const torch::Tensor mixed = call(*attention_, parts).front();
  return call(*out_proj_, call(*merge_, mixed));
}

void MultiheadAttention::reset() {
  torch::NoGradGuard no_grad;
  out_proj_->reset();
  init::xavier_uniform(in_proj_weight);
  in_proj_bias.zero_();
  out_proj_->bias.zero_();
}

Mlp::Mlp(std::string type, int64_t channels, int64_t hidden, double dropout) : Sequential(std::move(type)) {
  first_ = std::make_shared<Linear>(channels, hidden);
  second_ = std::make_shared<Linear>(hidden, channels);
  push(first_);
  push(std::make_shared<Activation>(Act::Gelu));
  push(std::make_shared<Dropout>(dropout));
  push(second_);
  push(std::make_shared<Dropout>(dropout));
}

void Mlp::reset() {
  for (const auto& linear : {first_, second_}) linear->reset();
  for (const auto& linear : {first_, second_}) {
    init::xavier_uniform(linear->weight);
    init::normal(linear->bias, 0, 1e-6);
  }
}

}  // namespace mlrun::nn
