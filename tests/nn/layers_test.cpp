#include "nn/layers.h"

#include <torch/types.h>
#include <torch/utils.h>

#include "base/error.h"
#include "nn/init.h"
#include "support.h"

using namespace mlrun;

namespace {

std::vector<int64_t> shape(const torch::Tensor& tensor) { return tensor.sizes().vec(); }

/// Output shapes on the CPU and on the meta device, which must agree.
template <class L>
std::vector<int64_t> shape_of(L& layer, torch::Tensor input) {
  torch::NoGradGuard no_grad;
  nn::initialise(layer, 0);
  const auto real = shape(layer(input.clone()));
  const auto meta = layer(input.to(torch::kMeta));
  CHECK(meta.is_meta());
  CHECK(shape(meta) == real);
  return real;
}

}  // namespace

TEST_CASE("convolutions give the shapes of their options, without numbers too", "[nn]") {
  nn::Conv2d plain({.in = 3, .out = 8, .kernel = 7, .stride = 2, .padding = 3});
  CHECK(shape_of(plain, torch::ones({2, 3, 33, 20})) == std::vector<int64_t>{2, 8, 17, 10});
  nn::Conv2d uneven({.in = 4, .out = 6, .kernel = {1, 3}, .stride = {1, 2}, .padding = {0, 1}, .groups = 2});
  CHECK(shape(uneven.weight) == std::vector<int64_t>{6, 2, 1, 3});
  CHECK(shape_of(uneven, torch::ones({1, 4, 5, 9})) == std::vector<int64_t>{1, 6, 5, 5});
  nn::Conv2d dilated({.in = 1, .out = 1, .kernel = 5, .padding = 4, .dilation = 2, .bias = false});
  CHECK_FALSE(dilated.bias.defined());
  CHECK(shape_of(dilated, torch::ones({3, 1, 9, 11})) == std::vector<int64_t>{3, 1, 9, 11});
  CHECK_THROWS_AS(nn::Conv2d({.in = 3, .out = 4, .groups = 2}), InternalError);
}

TEST_CASE("a convolution computes what its definition says", "[nn]") {
  torch::NoGradGuard no_grad;
  nn::Conv2d conv({.in = 1, .out = 1, .kernel = 2});
  conv.weight.copy_(torch::tensor({1.f, 2.f, 3.f, 4.f}).view({1, 1, 2, 2}));
  conv.bias.fill_(0.5);
  const auto out = conv(torch::arange(1., 7.).to(torch::kFloat).view({1, 1, 2, 3}));
  CHECK(torch::equal(out.flatten(), torch::tensor({1.f + 4 + 12 + 20 + 0.5f, 2.f + 6 + 15 + 24 + 0.5f})));
}

TEST_CASE("pools, norms, activations and linear layers give the same shapes on the meta device", "[nn]") {
  const auto image = torch::ones({2, 4, 7, 9});
  nn::MaxPool2d pool({.kernel = 3, .stride = 2, .padding = 1});
  CHECK(shape_of(pool, image) == std::vector<int64_t>{2, 4, 4, 5});
  nn::AdaptiveAvgPool2d mean({3, 2});
  CHECK(shape_of(mean, image) == std::vector<int64_t>{2, 4, 3, 2});
  nn::BatchNorm2d norm(4);
  CHECK(shape_of(norm, image) == std::vector<int64_t>{2, 4, 7, 9});
  nn::Flatten flatten;
  CHECK(shape_of(flatten, image) == std::vector<int64_t>{2, 252});
  nn::Linear linear(9, 5);
  CHECK(shape_of(linear, image) == std::vector<int64_t>{2, 4, 7, 5});
}

TEST_CASE("activations follow their definitions, in place or not, with gradients", "[nn]") {
  const auto x = torch::linspace(-7, 7, 57, torch::kDouble);
  const auto hardsigmoid = (x + 3).clamp(0, 6) / 6;
  const std::vector<std::pair<nn::Act, torch::Tensor>> expected = {
      {nn::Act::Relu, x.clamp_min(0)},          {nn::Act::Relu6, x.clamp(0, 6)},
      {nn::Act::Hardswish, x * hardsigmoid},    {nn::Act::Hardsigmoid, hardsigmoid},
      {nn::Act::Sigmoid, 1 / (1 + (-x).exp())}, {nn::Act::Silu, x / (1 + (-x).exp())}};
  for (const auto& [kind, y] : expected) {
    nn::Activation separate(kind, false), inplace(kind, true);
    INFO(separate.type());
    auto input = x.clone();
    CHECK(torch::allclose(separate(input), y));
    CHECK(torch::equal(input, x));
    CHECK(torch::allclose(inplace(input), y));
    CHECK(torch::allclose(input, y));
    auto a = x.clone().requires_grad_(), b = x.clone().requires_grad_();
    separate(a * 2).sum().backward();
    inplace(b * 2).sum().backward();
    CHECK(torch::equal(a.grad(), b.grad()));
  }
}

TEST_CASE("an activation in place leaves a leaf that needs its gradient alone", "[nn]") {
  nn::Activation relu(nn::Act::Relu);
  auto leaf = torch::tensor({-1.f, 2.f}).requires_grad_();
  relu(leaf).sum().backward();
  CHECK(torch::equal(leaf.grad(), torch::tensor({0.f, 1.f})));
  CHECK(leaf[0].item<float>() == -1.f);
}

TEST_CASE("batch norm tracks batches while training and uses what it tracked afterwards", "[nn]") {
  nn::BatchNorm2d norm(2, {.eps = 0, .momentum = 0.25});
  nn::initialise(norm, 0);
  CHECK(norm.num_batches_tracked.scalar_type() == torch::kLong);
  const auto x = torch::tensor({1.f, 3.f, 10.f, 30.f}).view({1, 2, 1, 2});
  const auto y = norm(x).flatten();
  CHECK(torch::allclose(y, torch::tensor({-1.f, 1.f, -1.f, 1.f})));
  // Unbiased variances 2 and 200, each with weight 1/4 beside the initial 1.
  CHECK(torch::allclose(norm.running_mean, torch::tensor({0.5f, 5.f})));
  CHECK(torch::allclose(norm.running_var, torch::tensor({0.75f + 0.5f, 0.75f + 50.f})));
  norm(x);
  CHECK(norm.num_batches_tracked.item<int64_t>() == 2);
  norm.eval();
  const auto mean = norm.running_mean.clone();
  const auto z = norm(x);
  CHECK(torch::allclose(z, (x - mean.view({1, 2, 1, 1})) / norm.running_var.view({1, 2, 1, 1}).sqrt()));
  CHECK(torch::equal(norm.running_mean, mean));
  CHECK(norm.num_batches_tracked.item<int64_t>() == 2);
}

TEST_CASE("batch norm trains on no single value, whose variance would be NaN", "[nn]") {
  nn::Sequential model;
  const auto norm = std::make_shared<nn::BatchNorm2d>(3);
  model.push("head", norm);
  nn::name_layers(model);
  nn::initialise(model, 0);
  for (const bool tracked : {true, false}) {
    norm->track(tracked);
    CHECK(test::user_error([&] {
            model(torch::ones({1, 3, 1, 1}));
          }) ==
          "the batch norm at head sees one value of each channel, which has no variance; train on two samples at a "
          "time at least, or on larger images");
  }
  CHECK(norm->running_var.isfinite().all().item<bool>());
  CHECK(norm->num_batches_tracked.item<int64_t>() == 0);
  norm->track(true);
  CHECK_NOTHROW(model(torch::ones({2, 3, 1, 1})));
  CHECK_NOTHROW(model(torch::ones({1, 3, 1, 2})));
  model.eval();
  CHECK_NOTHROW(model(torch::ones({1, 3, 1, 1})));
}

TEST_CASE("dropout drops in training only and keeps the mean", "[nn]") {
  nn::Dropout dropout(0.25);
  torch::manual_seed(0);
  const auto x = torch::ones({100000});
  const auto y = dropout(x);
  const auto kept = y.ne(0);
  CHECK(kept.to(torch::kDouble).mean().item<double>() == Approx(0.75).margin(0.01));
  CHECK(torch::allclose(y.masked_select(kept), torch::tensor(4.f / 3)));
  dropout.eval();
  CHECK(torch::equal(dropout(x), x));
}

TEST_CASE("sums and products take two tensors", "[nn]") {
  nn::Add add;
  nn::Mul mul;
  const auto a = torch::tensor({1.f, 2.f}), b = torch::tensor({10.f, 20.f});
  CHECK(torch::equal(mul.run(nn::Tensors{a, b}).front(), torch::tensor({10.f, 40.f})));
  CHECK(torch::equal(add.run(nn::Tensors{a.clone(), b}).front(), torch::tensor({11.f, 22.f})));
  CHECK_THROWS(add.run(nn::Tensors{a}));
}

TEST_CASE("a sequence names its steps and refuses a name twice", "[nn]") {
  nn::Sequential steps;
  steps.push(std::make_shared<nn::Flatten>());
  steps.push("head", std::make_shared<nn::Linear>(4, 1));
  CHECK(steps.size() == 2);
  CHECK(steps.named_children().keys() == std::vector<std::string>{"0", "head"});
  CHECK_THROWS(steps.push("head", std::make_shared<nn::Identity>()));
}

TEST_CASE("multiply-adds come from shapes", "[nn]") {
  nn::Conv2d conv({.in = 8, .out = 16, .kernel = 3, .groups = 4});
  const nn::Tensors none;
  CHECK(conv.macs(none, {torch::empty({2, 16, 5, 5})}) == 2 * 16 * 25 * (8 / 4) * 9);
  nn::Linear linear(10, 4);
  CHECK(linear.macs(none, {torch::empty({3, 7, 4})}) == 3 * 7 * 4 * 10);
  CHECK(nn::Identity().macs(none, none) == 0);
}

TEST_CASE("initialisers draw from the ranges of their definitions", "[nn]") {
  torch::manual_seed(1);
  auto weight = torch::empty({64, 32, 3, 3}), bias = torch::empty({64});
  nn::init::reset_weight_and_bias(weight, bias);
  const double bound = 1 / std::sqrt(32. * 9);  // kaiming_uniform of slope sqrt(5) has the same bound
  CHECK(weight.abs().max().item<double>() <= Approx(bound));
  CHECK(weight.abs().max().item<double>() > 0.99 * bound);
  CHECK(bias.abs().max().item<double>() <= Approx(bound));
  nn::init::kaiming_normal_fan_out(weight);
  CHECK(weight.std().item<double>() == Approx(std::sqrt(2 / (64. * 9))).epsilon(0.02));
  nn::init::normal(weight, 3, 0.5);
  CHECK(weight.mean().item<double>() == Approx(3).margin(0.02));
  CHECK(weight.std().item<double>() == Approx(0.5).epsilon(0.02));
}
