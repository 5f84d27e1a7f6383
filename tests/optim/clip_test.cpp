#include "optim/clip.h"

#include <cmath>
#include <limits>

#include <torch/nn/utils/clip_grad.h>

#include "optim/optimizers.h"

using namespace mlrun;

namespace {

optim::NamedTensors two_parameters(const torch::Tensor& first, const torch::Tensor& second) {
  auto a = torch::zeros_like(first).requires_grad_();
  auto b = torch::zeros_like(second).requires_grad_();
  a.mutable_grad() = first;
  b.mutable_grad() = second;
  return {{"a", a}, {"none", torch::zeros({3}).requires_grad_()}, {"b", b}};
}

}  // namespace

TEST_CASE("gradients above the norm are scaled down together", "[optim]") {
  // 1, 2, 2 and 4: the norm is 5.
  const auto parameters =
      two_parameters(torch::tensor({{1.0, -2.0}}, torch::kFloat64), torch::tensor({2.0, 4.0}, torch::kFloat64));
  CHECK(optim::clip_grad_norm(parameters, 2.5) == Approx(5).epsilon(1e-14));
  const double factor = 2.5 / (5 + 1e-6);
  CHECK(test::relative_difference(parameters[0].second.grad(), torch::tensor({{1.0, -2.0}}, torch::kFloat64) * factor) <
        1e-14);
  CHECK(test::relative_difference(parameters[2].second.grad(), torch::tensor({2.0, 4.0}, torch::kFloat64) * factor) <
        1e-14);
  CHECK_FALSE(parameters[1].second.grad().defined());
}

TEST_CASE("gradients within the norm stay as they are", "[optim]") {
  const auto parameters = two_parameters(torch::tensor({1.0F, -2.0F}), torch::tensor({2.0F, 4.0F}));
  CHECK(optim::clip_grad_norm(parameters, 5.1) == Approx(5));
  CHECK(torch::equal(parameters[0].second.grad(), torch::tensor({1.0F, -2.0F})));
  CHECK(torch::equal(parameters[2].second.grad(), torch::tensor({2.0F, 4.0F})));
}

TEST_CASE("clipping equals PyTorch's own", "[optim]") {
  const auto first = test::gradient_values(60, 0).reshape({3, 4, 5, 1}).to(torch::kFloat32);
  const auto second = test::gradient_values(11, 1).to(torch::kFloat32);
  for (const double limit : {0.01, 1.0, 100.0}) {
    const auto ours = two_parameters(first.clone(at::MemoryFormat::ChannelsLast), second.clone());
    const auto theirs = two_parameters(first.clone(), second.clone());
    const double norm = torch::nn::utils::clip_grad_norm_({theirs[0].second, theirs[2].second}, limit);
    CHECK(optim::clip_grad_norm(ours, limit) == Approx(norm).epsilon(1e-6));
    for (const std::size_t i : {0, 2}) {
      CHECK(test::relative_difference(ours[i].second.grad(), theirs[i].second.grad()) < 1e-6);
    }
  }
}

TEST_CASE("a norm that is not finite is returned and nothing is scaled", "[optim]") {
  const auto infinite = two_parameters(torch::tensor({std::numeric_limits<float>::infinity(), 1.0F}), torch::ones({1}));
  CHECK(std::isinf(optim::clip_grad_norm(infinite, 1)));
  CHECK(infinite[2].second.grad().item<float>() == 1);
  const auto undefined = two_parameters(torch::tensor({std::nanf(""), 1.0F}), torch::ones({1}));
  CHECK(std::isnan(optim::clip_grad_norm(undefined, 1)));
  CHECK(undefined[2].second.grad().item<float>() == 1);
}

TEST_CASE("without gradients the norm is 0", "[optim]") {
  CHECK(optim::clip_grad_norm({}, 1) == 0);
  CHECK(optim::clip_grad_norm({{"w", torch::ones({2}).requires_grad_()}}, 1) == 0);
  const auto zero = two_parameters(torch::zeros({2}), torch::zeros({0}));
  CHECK(optim::clip_grad_norm(zero, 1) == 0);
  CHECK(torch::equal(zero[0].second.grad(), torch::zeros({2})));
}

TEST_CASE("the norm of gradients of any dtype, layout and size", "[optim]") {
  torch::manual_seed(3);
  for (const std::int64_t size : {0, 1, 7, 8, 9, 1000}) {
    INFO(size);
    const auto first = torch::randn({size}), second = torch::randn({size, 3}).t();
    const double expected = torch::cat({first, second.flatten()}).to(torch::kFloat64).norm().item<double>();
    CHECK(optim::grad_norm(two_parameters(first, second)) == Approx(expected).epsilon(1e-12));
    CHECK(optim::grad_norm(two_parameters(first.to(torch::kFloat64), second)) == Approx(expected).epsilon(1e-6));
  }
  // Where the squares leave float32's range.
  CHECK(optim::grad_norm(two_parameters(torch::full({4}, 1e30F), torch::zeros({1}))) == Approx(2e30).epsilon(1e-6));
  CHECK(std::isnan(optim::grad_norm(two_parameters(torch::tensor({1.0F, NAN}), torch::zeros({1})))));
}

TEST_CASE("values are limited on both sides", "[optim]") {
  const auto parameters = two_parameters(torch::tensor({0.5F, -3.0F, 2.0F}), torch::tensor({NAN, 1.0F}));
  optim::clip_grad_value(parameters, 1);
  CHECK(torch::equal(parameters[0].second.grad(), torch::tensor({0.5F, -1.0F, 1.0F})));
  CHECK(std::isnan(parameters[2].second.grad()[0].item<float>()));
}

TEST_CASE("adaptive clipping holds each row to its weights, the last layer left out", "[optim]") {
  const auto parameter = [](const torch::Tensor& weights, const torch::Tensor& gradient) {
    auto made = weights.clone().requires_grad_();
    made.mutable_grad() = gradient.clone();
    return made;
  };
  const torch::Tensor weights = torch::tensor({{3.0, 4.0}, {0.0, 0.0}, {6.0, 8.0}}, torch::kFloat64);
  const torch::Tensor gradients = torch::tensor({{0.0, 2.0}, {0.3, 0.4}, {0.6, 0.0}}, torch::kFloat64);
  const optim::NamedTensors parameters = {{"a.weight", parameter(weights, gradients)},
                                          {"a.bias", parameter(weights.flatten(), gradients.flatten())},
                                          {"scale", parameter(weights.sum(), gradients.sum() * 100)},
                                          {"head.weight", parameter(weights, gradients * 100)},
                                          {"head.bias", parameter(weights[0], gradients[0] * 100)}};
  optim::clip_grad_adaptive(parameters, 0.1, 1e-3);
  // Row norms 5, 0 (so 1e-3), 10 allow 0.5, 1e-4, 1.
  const auto expected = torch::tensor({{0.0, 0.5}, {0.6e-4, 0.8e-4}, {0.6, 0.0}}, torch::kFloat64);
  CHECK(torch::allclose(parameters[0].second.grad(), expected, 1e-12, 0));
  const double norm = gradients.norm().item<double>(), allowed = 0.1 * weights.norm().item<double>();
  CHECK(torch::allclose(parameters[1].second.grad(), gradients.flatten() * std::min(1.0, allowed / norm), 1e-12, 0));
  CHECK(parameters[2].second.grad().item<double>() == Approx(2.1));
  CHECK(torch::equal(parameters[3].second.grad(), gradients * 100));
  CHECK(torch::equal(parameters[4].second.grad(), gradients[0] * 100));
}

TEST_CASE("a recipe's clipping returns the norm before it and leaves what is not finite", "[optim]") {
  config::TrainSection train;
  const auto gradients = [] { return two_parameters(torch::tensor({3.0F}), torch::tensor({4.0F})); };
  const auto after = [&](const optim::NamedTensors& parameters) {
    CHECK(optim::Clipping::of(train).apply(parameters) == Approx(5));
    return parameters[2].second.grad().item<double>();
  };
  CHECK(after(gradients()) == 4);
  train.clip_grad_norm = 1;
  CHECK(after(gradients()) == Approx(0.8).epsilon(1e-5));
  train = {};
  train.clip_grad_value = 0.25;
  CHECK(after(gradients()) == 0.25);
  train = {};
  train.clip_agc = 0.1;
  auto parameters = gradients();
  parameters.emplace_back("head", torch::zeros({1}).requires_grad_());
  // One name without a layer is of the model itself, as is the last: nothing is clipped.
  CHECK(after(parameters) == 4);
  for (auto& item : parameters) item.first += ".weight";
  CHECK(after(parameters) == Approx(1e-4));  // zero weights count as 1e-3
  const auto infinite = two_parameters(torch::tensor({INFINITY}), torch::tensor({4.0F}));
  CHECK(std::isinf(optim::Clipping{{}, 0.1, {}}.apply(infinite)));
  CHECK(infinite[2].second.grad().item<float>() == 4);
}
