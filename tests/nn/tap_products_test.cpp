#include "nn/tap_products.h"

#include <torch/autograd.h>
#include <torch/types.h>
#include <torch/utils.h>

#include "nn/autocast.h"
#include "nn/layers.h"
#include "support.h"

using namespace mlrun;
using nn::Conv2dOptions;

namespace {

struct Gradients {
  torch::Tensor output, of_input, of_weight;
};

template <class Convolution>
Gradients gradients_of(const torch::Tensor& input, const torch::Tensor& weight, Convolution convolution) {
  const torch::Tensor x = input.detach().clone().requires_grad_(), w = weight.detach().clone().requires_grad_();
  const torch::Tensor output = convolution(x, w);
  (output * output * 0.5).sum().backward();
  return {output.detach(), x.grad(), w.grad()};
}

double distance(const torch::Tensor& a, const torch::Tensor& b) { return (a - b).abs().max().item<double>(); }

void check(const Conv2dOptions& o, at::IntArrayRef shape, torch::MemoryFormat format) {
  const auto input = torch::randn(shape, torch::kFloat64).contiguous(format);
  const auto& kernel = *o.kernel;
  const auto weight = torch::randn({o.out, o.in, kernel[0], kernel[1]}, torch::kFloat64).contiguous(format);
  const auto wanted = gradients_of(
      input, weight, [&](const auto& x, const auto& w) { return torch::conv2d(x, w, {}, o.stride, o.padding); });
  const auto found =
      gradients_of(input, weight, [&](const auto& x, const auto& w) { return nn::convolve_by_taps(x, w, o); });
  INFO("input " << shape << ", kernel " << at::IntArrayRef(kernel) << ", stride " << at::IntArrayRef(*o.stride)
                << ", padding " << at::IntArrayRef(*o.padding));
  REQUIRE(found.output.sizes() == wanted.output.sizes());
  CHECK(found.output.is_contiguous(input.suggest_memory_format()));
  CHECK(distance(found.output, wanted.output) < 1e-12 * wanted.output.abs().max().item<double>());
  CHECK(distance(found.of_input, wanted.of_input) < 1e-12 * wanted.of_input.abs().max().item<double>() + 1e-15);
  CHECK(distance(found.of_weight, wanted.of_weight) < 1e-12 * wanted.of_weight.abs().max().item<double>() + 1e-15);
}

std::string gradient_of(const torch::Tensor& output) { return output.grad_fn() ? output.grad_fn()->name() : "none"; }

bool by_taps(const torch::Tensor& output) { return gradient_of(output).find("TapProducts") != std::string::npos; }

}  // namespace

TEST_CASE("a convolution by taps is LibTorch's, gradients too", "[nn]") {
  torch::manual_seed(1);
  const auto format = GENERATE(torch::MemoryFormat::Contiguous, torch::MemoryFormat::ChannelsLast);
  for (const int64_t size : {1, 2, 3, 4, 5}) {
    for (const int64_t stride : {1, 2, 3}) {
      check({.in = 3, .out = 5, .kernel = 3, .stride = stride, .padding = 1}, {4, 3, size, size}, format);
      check({.in = 2, .out = 3, .kernel = 5, .stride = stride, .padding = 2}, {2, 2, size, size + 1}, format);
    }
  }
  check({.in = 2, .out = 3, .kernel = {1, 7}, .stride = 1, .padding = {0, 3}}, {3, 2, 4, 2}, format);
  check({.in = 2, .out = 3, .kernel = {3, 2}, .stride = {2, 1}, .padding = 0}, {3, 2, 5, 4}, format);
  check({.in = 2, .out = 3, .kernel = 2, .stride = 1, .padding = 3}, {3, 2, 1, 1}, format);
}

TEST_CASE("a convolution by taps gives only the gradients that are wanted", "[nn]") {
  const Conv2dOptions o{.in = 4, .out = 6, .kernel = 3, .stride = 1, .padding = 1};
  const auto weight = torch::randn({6, 4, 3, 3}).requires_grad_();
  nn::convolve_by_taps(torch::randn({5, 4, 2, 2}), weight, o).sum().backward();
  CHECK(weight.grad().sizes() == weight.sizes());
  const auto input = torch::randn({5, 4, 2, 2}).requires_grad_();
  nn::convolve_by_taps(input, weight.detach(), o).sum().backward();
  CHECK(input.grad().sizes() == input.sizes());
}

TEST_CASE("a layer convolves by taps where maps are small and batches are not", "[nn]") {
  const Conv2dOptions options{.in = 64, .out = 64, .kernel = 3, .stride = 1, .padding = 1, .bias = false};
  nn::Conv2d layer(options);
  layer.reset();
  const auto images = torch::randn({64, 64, 2, 2});
  torch::Tensor output = layer.forward(images);
  CHECK(by_taps(output));
  CHECK(distance(output, torch::conv2d(images, layer.weight, {}, 1, 1)) < 1e-5);
  CHECK_NOTHROW(torch::relu_(output).sum().backward());
  CHECK_FALSE(by_taps(layer.forward(torch::randn({64, 64, 8, 8}))));
  CHECK_FALSE(by_taps(layer.forward(torch::randn({8, 64, 2, 2}))));
  CHECK(nn::prefers_tap_products(images, layer.weight, options));
  CHECK_FALSE(nn::prefers_tap_products(images.to(torch::kFloat64), layer.weight, options));
  auto dilated = options;
  dilated.dilation = 2;
  CHECK_FALSE(nn::prefers_tap_products(images, layer.weight, dilated));
  {
    const nn::AutocastScope half({.device = torch::kCPU, .type = torch::kBFloat16});
    CHECK_FALSE(by_taps(layer.forward(images)));
  }
  nn::Conv2d with_bias({.in = 64, .out = 64, .kernel = 3, .stride = 1, .padding = 1});
  with_bias.reset();
  CHECK(distance(with_bias.forward(images), torch::conv2d(images, with_bias.weight, with_bias.bias, 1, 1)) < 1e-5);
}
