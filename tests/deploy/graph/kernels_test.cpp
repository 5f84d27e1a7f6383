#include "deploy/graph/kernels.h"

#include <torch/types.h>
#include <torch/utils.h>

#include "catch.h"

using namespace mlrun::deploy;

namespace {

/// [N, C, H, W] in blocks of channels, the last filled up with zeros.
torch::Tensor blocked(const torch::Tensor& x, std::int64_t block) {
  const std::int64_t blocks = (x.size(1) + block - 1) / block;
  const torch::Tensor full = torch::zeros({x.size(0), blocks * block, x.size(2), x.size(3)});
  full.narrow(1, 0, x.size(1)).copy_(x);
  return full.view({x.size(0), blocks, block, x.size(2) * x.size(3)}).transpose(2, 3).contiguous();
}

ImageLayout layout_of(const torch::Tensor& x, std::int64_t block) {
  return {x.size(0), x.size(1), x.size(2) * x.size(3), block};
}

const float* in(const torch::Tensor& x) { return x.data_ptr<float>(); }
float* out(const torch::Tensor& x) { return x.data_ptr<float>(); }

}  // namespace

TEST_CASE("kernels give LibTorch's results in every layout, and keep the filling zero", "[deploy][graph]") {
  torch::manual_seed(0);
  const torch::Tensor x = torch::randn({2, 13, 5, 7}), scale = torch::rand({2, 13, 1, 1});
  const torch::Tensor weight = torch::randn({13}), bias = torch::randn({13});
  for (const std::int64_t block : {1, 8, 13, 16}) {
    INFO(block);
    const ImageLayout layout = layout_of(x, block);
    const torch::Tensor from = blocked(x, block), to = torch::empty_like(from), means = torch::empty({2, 13});
    channel_means(in(from), layout, out(means));
    CHECK(torch::allclose(means, x.mean({2, 3}), 1e-5, 1e-6));
    scale_channels(in(from), in(scale), layout, KernelAct::None, out(to));
    CHECK(torch::allclose(to, blocked(x * scale, block)));
    const torch::Tensor factors = torch::zeros({layout.blocks() * block}), terms = torch::zeros_like(factors);
    factors.narrow(0, 0, 13).copy_(weight);
    terms.narrow(0, 0, 13).copy_(bias);
    affine_channels(in(from), in(factors), in(terms), layout, KernelAct::Relu, out(to));
    const torch::Tensor normed = torch::relu(x * weight.view({1, -1, 1, 1}) + bias.view({1, -1, 1, 1}));
    CHECK(torch::allclose(to, blocked(normed, block), 1e-5, 1e-6));
    scale_channels(in(from), in(scale), layout, KernelAct::None, out(from));  // in place
    CHECK(torch::allclose(from, blocked(x * scale, block)));
  }
}

TEST_CASE("groups are normalized as LibTorch does it, in every layout and in place", "[deploy][graph]") {
  torch::manual_seed(1);
  for (const auto& [channels, groups] : {std::pair<std::int64_t, std::int64_t>{12, 3}, {12, 12}, {64, 32}, {20, 1}}) {
    const torch::Tensor x = torch::randn({2, channels, 9, 23}) * 3 + 5;
    const torch::Tensor weight = torch::randn({channels}), bias = torch::randn({channels});
    const torch::Tensor expected = torch::relu(torch::group_norm(x, groups, weight, bias, 1e-5));
    for (const std::int64_t block : {std::int64_t{1}, std::int64_t{8}, std::int64_t{16}, channels}) {
      INFO(channels << " channels, " << groups << " groups, block " << block);
      const torch::Tensor from = blocked(x, block), to = torch::empty_like(from);
      const GroupNormShape shape{layout_of(x, block), groups, 1e-5};
      normalize_groups(in(from), in(weight), in(bias), shape, KernelAct::Relu, out(to));
      CHECK(torch::allclose(to, blocked(expected, block), 1e-4, 1e-4));
      normalize_groups(in(from), in(weight), in(bias), shape, KernelAct::Relu, out(from));
      CHECK(from.equal(to));
    }
  }
}

TEST_CASE("activations are LibTorch's", "[deploy][graph]") {
  const torch::Tensor x = torch::linspace(-8, 8, 1001), y = torch::empty_like(x), zero = torch::zeros_like(x);
  const std::vector<std::pair<KernelAct, torch::Tensor>> expected = {
      {KernelAct::Relu, torch::relu(x)},
      {KernelAct::Relu6, torch::relu6(x)},
      {KernelAct::Hardswish, torch::hardswish(x)},
      {KernelAct::Hardsigmoid, torch::hardsigmoid(x)},
      {KernelAct::Sigmoid, torch::sigmoid(x)},
      {KernelAct::Silu, torch::silu(x)},
      {KernelAct::Gelu, torch::gelu(x)},
      {KernelAct::Tanh, torch::tanh(x)},
      {KernelAct::None, x},
  };
  for (const auto& [act, values] : expected) {
    INFO(static_cast<int>(act));
    activate_all(in(x), x.numel(), act, out(y));
    CHECK(torch::allclose(y, values, 1e-5, 1e-6));
    add_all(in(x), in(zero), x.numel(), act, out(y));
    CHECK(torch::allclose(y, values, 1e-5, 1e-6));
  }
}

TEST_CASE("dense products of few rows are a linear layer's", "[deploy][graph]") {
  torch::manual_seed(0);
  const torch::Tensor x = torch::randn({3, 77}), weight = torch::randn({10, 77}), bias = torch::randn({10});
  const torch::Tensor residual = torch::randn({3, 10}), y = torch::empty({3, 10});
  const torch::Tensor product = torch::linear(x, weight, bias);
  dense(in(x), in(weight), in(bias), {3, 77, 10}, KernelAct::Hardsigmoid, nullptr, KernelAct::None, out(y));
  CHECK(torch::allclose(y, torch::hardsigmoid(product), 1e-4, 1e-5));
  dense(in(x), in(weight), in(bias), {3, 77, 10}, KernelAct::None, in(residual), KernelAct::Relu, out(y));
  CHECK(torch::allclose(y, torch::relu(product + residual), 1e-4, 1e-5));
}

TEST_CASE("channels are picked between layouts", "[deploy][graph]") {
  torch::manual_seed(0);
  const torch::Tensor a = torch::randn({2, 11, 3, 2}), b = torch::randn({2, 9, 3, 2});
  const torch::Tensor both = torch::cat({a, b}, 1);
  const std::vector<std::int64_t> order = {19, 0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 13, 11, 10};
  std::vector<ChannelPick> picks;
  for (const std::int64_t c : order) picks.push_back({c < 11 ? 0 : 1, c < 11 ? c : c - 11});
  const torch::Tensor expected = both.index_select(1, torch::tensor(order));
  for (const std::int64_t from : {1, 8, 9}) {
    for (const std::int64_t to : {1, 8, 14, 16}) {
      INFO(from << " to " << to);
      const torch::Tensor first = blocked(a, 8), second = blocked(b, from), y = blocked(expected, to).fill_(7);
      gather_channels({{in(first), layout_of(a, 8)}, {in(second), layout_of(b, from)}}, picks, layout_of(expected, to),
                      out(y));
      CHECK(torch::equal(y, blocked(expected, to)));
    }
  }
}
