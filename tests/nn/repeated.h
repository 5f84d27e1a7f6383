#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <torch/types.h>
#include <torch/utils.h>

#include "nn/flow/fusion.h"
#include "nn/layers.h"
#include "nn/pooling.h"

/// Small models whose layers run several times in a pass.
namespace mlrun::test {

inline std::shared_ptr<nn::Conv2d> conv3(std::int64_t in, std::int64_t out) {
  return std::make_shared<nn::Conv2d>(nn::Conv2dOptions{.in = in, .out = out, .kernel = 3, .padding = 1});
}

inline std::shared_ptr<nn::Activation> relu() { return std::make_shared<nn::Activation>(nn::Act::Relu); }

/// Names the layers and draws weights; batch norms get statistics of their own, so that what folds is not the identity.
template <class Model>
std::shared_ptr<Model> drawn(std::shared_ptr<Model> model) {
  nn::name_layers(*model);
  nn::initialise(*model, 3);
  const torch::NoGradGuard no_gradients;
  for (nn::Layer* layer : model->all_layers()) {
    if (auto* norm = dynamic_cast<nn::BatchNorm2d*>(layer)) {
      norm->running_mean.uniform_(-0.2, 0.2);
      norm->running_var.uniform_(0.5, 1.5);
      norm->weight.uniform_(0.7, 1.3);
      norm->bias.uniform_(-0.2, 0.2);
    }
  }
  model->eval();
  return model;
}

/// A head over three levels of a pyramid, [N, 3, 16, 16] to [N, 672]: one that runs three times, or three heads.
class Pyramid : public nn::Layer {
 public:
  explicit Pyramid(bool shared) : Layer("Pyramid") {
    stem_ = add("stem", conv3(3, 6));
    for (int level = 0; level < 3; ++level) {
      if (level == 0 || !shared) heads_.push_back(add("head" + (shared ? "" : std::to_string(level)), make_head()));
      else heads_.push_back(heads_.front());
      if (level > 0) downs_.push_back(add("down" + std::to_string(level), make_down()));
    }
    flatten_ = add("flatten", std::make_shared<nn::Flatten>());
    join_ = add("join", std::make_shared<nn::Concat>());
  }

  using Layer::forward;
  nn::Tensors forward(const nn::Tensors& inputs) override {
    torch::Tensor x = call(*stem_, inputs.front());
    nn::Tensors parts;
    for (std::size_t level = 0; level < 3; ++level) {
      if (level > 0) x = call(*downs_[level - 1], x);
      parts.push_back(call(*flatten_, call(*heads_[level], x)));
    }
    return call(*join_, parts);
  }

 private:
  static std::shared_ptr<nn::Sequential> make_head() {
    auto head = std::make_shared<nn::Sequential>();
    head->push("conv", conv3(6, 6));
    head->push("norm", std::make_shared<nn::BatchNorm2d>(6));
    head->push("relu", relu());
    head->push("out", std::make_shared<nn::Conv2d>(nn::Conv2dOptions{.in = 6, .out = 2}));
    return head;
  }
  static std::shared_ptr<nn::Layer> make_down() {
    return std::make_shared<nn::AvgPool2d>(nn::AvgPool2dOptions{.kernel = 2, .stride = 2});
  }

  std::shared_ptr<nn::Conv2d> stem_;
  std::vector<std::shared_ptr<nn::Sequential>> heads_;
  std::vector<std::shared_ptr<nn::Layer>> downs_;
  std::shared_ptr<nn::Flatten> flatten_;
  std::shared_ptr<nn::Concat> join_;
};

/// The two pyramids with equal weights.
inline std::pair<std::shared_ptr<Pyramid>, std::shared_ptr<Pyramid>> pyramids() {
  const auto shared = drawn(std::make_shared<Pyramid>(true)), apart = drawn(std::make_shared<Pyramid>(false));
  const torch::NoGradGuard no_gradients;
  for (auto& [name, tensor] : nn::state_dict(*apart)) {
    std::string from = name;
    if (from.rfind("head", 0) == 0) from.erase(4, 1);
    for (const auto& [known, value] : nn::state_dict(*shared)) {
      if (known == from) tensor.detach().copy_(value);
    }
  }
  return {shared, apart};
}

/// A tower that both inputs, [N, 3, 8, 8] and [N, 3, 8, 8], go through; [N, 5]. Or two towers with equal weights.
class Towers : public nn::Layer {
 public:
  Towers() : Layer("Towers") {
    tower_ = add("tower", std::make_shared<nn::Sequential>());
    tower_->push("conv", conv3(3, 8));
    tower_->push("relu", relu());
    sum_ = add("sum", std::make_shared<nn::Add>());
    flatten_ = add("flatten", std::make_shared<nn::Flatten>());
    fc_ = add("fc", std::make_shared<nn::Linear>(8 * 64, 5));
  }
  using Layer::forward;
  nn::Tensors forward(const nn::Tensors& inputs) override {
    const torch::Tensor a = call(*tower_, inputs.at(0)), b = call(*tower_, inputs.at(1));
    return {call(*fc_, call(*flatten_, call(*sum_, a, b)))};
  }

 private:
  std::shared_ptr<nn::Sequential> tower_;
  std::shared_ptr<nn::Add> sum_;
  std::shared_ptr<nn::Flatten> flatten_;
  std::shared_ptr<nn::Linear> fc_;
};

/// h = relu(conv(x)), then `steps` times h = relu(recur(h) + input(x)); [N, 3, 8, 8] to [N, 4, 8, 8].
class Recurrent : public nn::Layer {
 public:
  explicit Recurrent(int steps_) : Layer("Recurrent"), steps(steps_) {
    begin_ = add("begin", conv3(3, 4));
    input_ = add("input", conv3(3, 4));
    recur_ = add("recur", conv3(4, 4));
    sum_ = add("sum", std::make_shared<nn::Add>());
    relu_ = add("relu", relu());
  }
  using Layer::forward;
  nn::Tensors forward(const nn::Tensors& inputs) override {
    torch::Tensor h = call(*relu_, call(*begin_, inputs.front()));
    for (int step = 0; step < steps; ++step) {
      const torch::Tensor own = call(*recur_, h), given = call(*input_, inputs.front());
      h = call(*relu_, call(*sum_, own, given));
    }
    return {h};
  }

  int steps;

 private:
  std::shared_ptr<nn::Conv2d> begin_, input_, recur_;
  std::shared_ptr<nn::Add> sum_;
  std::shared_ptr<nn::Activation> relu_;
};

/// One convolution with another batch norm behind it in each of its two calls (as detectors share a head's convolutions
/// but not its statistics), and a ReLU that follows one of them alone; [N, 4, 8, 8] to the same.
class TwoNorms : public nn::Layer {
 public:
  TwoNorms() : Layer("TwoNorms") {
    conv_ = add("conv", conv3(4, 4));
    first_ = add("first", std::make_shared<nn::BatchNorm2d>(4));
    second_ = add("second", std::make_shared<nn::BatchNorm2d>(4));
    relu_ = add("relu", relu());
  }
  using Layer::forward;
  nn::Tensors forward(const nn::Tensors& inputs) override {
    const torch::Tensor x = call(*relu_, call(*first_, call(*conv_, inputs.front())));
    return {call(*second_, call(*conv_, x))};
  }

 private:
  std::shared_ptr<nn::Conv2d> conv_;
  std::shared_ptr<nn::BatchNorm2d> first_, second_;
  std::shared_ptr<nn::Activation> relu_;
};

/// Divides by its largest number, which nobody knows of a shape.
class ByLargest : public nn::UnaryLayer {
 public:
  ByLargest() : UnaryLayer("ByLargest") {}
  torch::Tensor forward(const torch::Tensor& input) override {
    const double most = input.abs().max().item<double>();
    return most > 0 ? input / most : input;
  }
};

/// [N, 3, H, W] to [N, 6, H, W]; does not run without numbers.
inline std::shared_ptr<nn::Sequential> needs_numbers() {
  auto model = std::make_shared<nn::Sequential>("NeedsNumbers");
  model->push("conv", conv3(3, 6));
  model->push("scale", std::make_shared<ByLargest>());
  model->push("relu", relu());
  model->push("out", conv3(6, 6));
  model->push("end", relu());
  return drawn(model);
}

inline torch::Tensor noise(std::vector<std::int64_t> shape, std::uint64_t seed = 7) {
  torch::manual_seed(seed);
  return torch::randn(shape);
}

}  // namespace mlrun::test
