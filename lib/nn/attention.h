#pragma once

#include <memory>
#include <vector>

#include "nn/layers.h"

/// What transformers are made of. Tokens are [N, tokens, channels]; split among heads they are
/// [N, heads, tokens, channels / heads].
namespace mlrun::nn {

/// A view with the axes in this order.
class Permute : public UnaryLayer {
 public:
  explicit Permute(std::vector<int64_t> axes) : UnaryLayer("Permute"), axes_(std::move(axes)) {}
  torch::Tensor forward(const torch::Tensor& input) override { return input.permute(axes_); }

 private:
  std::vector<int64_t> axes_;
};

class Softmax : public UnaryLayer {
 public:
  explicit Softmax(int64_t axis) : UnaryLayer("Softmax"), axis_(axis) {}
  torch::Tensor forward(const torch::Tensor& input) override { return torch::softmax(input, axis_); }

 private:
  int64_t axis_;
};

struct MatMulOptions {
  double scale = 1;  ///< factor on the first matrix
  bool transpose_second = false;
};

/// The product of two batches of matrices.
class MatMul : public Layer {
 public:
  explicit MatMul(const MatMulOptions& options = {}) : Layer("MatMul"), options_(options) {}
  using Layer::forward;
  Tensors forward(const Tensors& inputs) override;
  int64_t macs(const Tensors& inputs, const Tensors& outputs) const override;

 private:
  MatMulOptions options_;
};

/// Tokens of 3 * `heads` * d channels (queries, keys, values) to these three, each contiguous;
/// axes before the tokens become one.
class SplitHeads : public Layer {
 public:
  explicit SplitHeads(int64_t heads) : Layer("SplitHeads"), heads_(heads) {}
  using Layer::forward;
  Tensors forward(const Tensors& inputs) override;

 private:
  int64_t heads_;
};

/// [N, heads, tokens, d] to [N, tokens, heads * d].
class MergeHeads : public UnaryLayer {
 public:
  MergeHeads() : UnaryLayer("MergeHeads") {}
  torch::Tensor forward(const torch::Tensor& input) override;
};

struct AttentionOptions {
  double scale = 1;    ///< factor on the queries
  bool bias = false;   ///< whether a bias on the scores is among the inputs
  double dropout = 0;  ///< of the weights, while training
};

/// softmax(scale * q k^T + bias) v (Vaswani et al., "Attention Is All You Need", 2017). Inputs: q,
/// k, v split among heads, and a bias [1, heads, tokens, tokens], or [W, heads, tokens, tokens]
/// where N counts W windows of each image.
class DotProductAttention : public Layer {
 public:
  explicit DotProductAttention(const AttentionOptions& options);
  using Layer::forward;
  Tensors forward(const Tensors& inputs) override;

 private:
  std::shared_ptr<MatMul> scores_, values_;
  std::shared_ptr<Add> bias_;
  std::shared_ptr<Softmax> softmax_;
  std::shared_ptr<Dropout> dropout_;
};

/// A linear map whose weight [out, in] and bias [out] belong to the parent, under its names.
class InProjection : public UnaryLayer {
 public:
  InProjection(torch::Tensor weight, torch::Tensor bias);
  torch::Tensor forward(const torch::Tensor& input) override;
  int64_t macs(const Tensors& inputs, const Tensors& outputs) const override;

 private:
  torch::Tensor weight_, bias_;
};

/// Self-attention over [N, tokens, channels], torch.nn's MultiheadAttention with batch_first: keys
/// in_proj_weight, in_proj_bias, out_proj.weight, out_proj.bias.
class MultiheadAttention : public UnaryLayer {
 public:
  MultiheadAttention(int64_t channels, int64_t heads, double dropout = 0);
  torch::Tensor forward(const torch::Tensor& input) override;
  void reset() override;

  torch::Tensor in_proj_weight;  ///< [3 * channels, channels]: queries, keys, values
  torch::Tensor in_proj_bias;    ///< [3 * channels]

 private:
  std::shared_ptr<Linear> out_proj_;
  std::shared_ptr<InProjection> in_proj_;
  std::shared_ptr<SplitHeads> split_;
  std::shared_ptr<DotProductAttention> attention_;
  std::shared_ptr<MergeHeads> merge_;
};

/// Linear, GELU, dropout, linear, dropout: torchvision's MLP of transformers (children 0 to 4). Its
/// weights are drawn Xavier-uniform and its biases normal with standard deviation 1e-6.
class Mlp : public Sequential {
 public:
  Mlp(std::string type, int64_t channels, int64_t hidden, double dropout);
  void reset() override;

 private:
  std::shared_ptr<Linear> first_, second_;
};

}  // namespace mlrun::nn
