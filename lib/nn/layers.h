#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "nn/layer.h"
#include "nn/norm.h"
#include "nn/pooling.h"

/// The layers that models are made of. Images are [N, C, H, W]; names and defaults are torch.nn's.
namespace mlrun::nn {

struct Conv2dOptions {
  int64_t in = 0, out = 0;  ///< channels
  Pair kernel = 1;
  Pair stride = 1;
  Pair padding = 0;  ///< zeros on each side
  Pair dilation = 1;
  int64_t groups = 1;
  bool bias = true;
};

class Conv2d : public UnaryLayer {
 public:
  explicit Conv2d(const Conv2dOptions& options);
  torch::Tensor forward(const torch::Tensor& input) override;
  void reset() override;
  int64_t macs(const Tensors& inputs, const Tensors& outputs) const override;

  const Conv2dOptions& options() const { return options_; }
  torch::Tensor weight;  ///< [out, in / groups, kernel height, kernel width]
  torch::Tensor bias;    ///< [out], undefined without

 private:
  Conv2dOptions options_;
};

class Linear : public UnaryLayer {
 public:
  Linear(int64_t in, int64_t out, bool with_bias = true);
  torch::Tensor forward(const torch::Tensor& input) override;
  void reset() override;
  int64_t macs(const Tensors& inputs, const Tensors& outputs) const override;

  torch::Tensor weight;  ///< [out, in]
  torch::Tensor bias;    ///< [out], undefined without
};

enum class Act { Relu, Relu6, Hardswish, Hardsigmoid, Sigmoid, Silu, Gelu, Tanh };

/// An activation function, named after its torch.nn class. In place (over its input) where that is
/// asked for and costs autograd no copy.
class Activation : public UnaryLayer {
 public:
  explicit Activation(Act kind, bool inplace = true);
  torch::Tensor forward(const torch::Tensor& input) override;
  Act kind() const { return kind_; }

 private:
  Act kind_;
  bool inplace_;
};

/// Zeroes each element with probability `p` while training and scales the rest by 1 / (1 - p).
class Dropout : public UnaryLayer {
 public:
  explicit Dropout(double p) : UnaryLayer("Dropout"), p_(p) {}
  torch::Tensor forward(const torch::Tensor& input) override;

 private:
  double p_;
};

/// [N, ...] to [N, product of the rest].
class Flatten : public UnaryLayer {
 public:
  Flatten() : UnaryLayer("Flatten") {}
  torch::Tensor forward(const torch::Tensor& input) override;
};

class Identity : public UnaryLayer {
 public:
  Identity() : UnaryLayer("Identity") {}
  torch::Tensor forward(const torch::Tensor& input) override { return input; }
};

/// The sum of two tensors; in place over the first, which nothing else may need.
class Add : public Layer {
 public:
  Add() : Layer("Add") {}
  using Layer::forward;
  Tensors forward(const Tensors& inputs) override;
};

/// The product of two tensors, broadcast against each other.
class Mul : public Layer {
 public:
  Mul() : Layer("Mul") {}
  using Layer::forward;
  Tensors forward(const Tensors& inputs) override;
};

/// Any number of tensors one after another along their channels, axis 1.
class Concat : public Layer {
 public:
  Concat() : Layer("Concat") {}
  using Layer::forward;
  Tensors forward(const Tensors& inputs) override { return Tensors{torch::cat(inputs, 1)}; }
};

/// Layers one after another, named 0, 1, ... or as given. What overrides `forward` may check the input
/// and must then run the steps in order: interceptors may run them in its place.
class Sequential : public UnaryLayer {
 public:
  explicit Sequential(std::string type = "Sequential") : UnaryLayer(std::move(type)) {}
  torch::Tensor forward(const torch::Tensor& input) override;

  void push(std::shared_ptr<Layer> layer) { push(std::to_string(steps_.size()), std::move(layer)); }
  void push(std::string name, std::shared_ptr<Layer> layer);
  std::size_t size() const { return steps_.size(); }
  const std::vector<std::shared_ptr<Layer>>& steps() const { return steps_; }

 private:
  std::vector<std::shared_ptr<Layer>> steps_;
};

}  // namespace mlrun::nn
