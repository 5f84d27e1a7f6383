#include "nn/attention.h"

#include <torch/nn/modules/activation.h>
#include <torch/types.h>
#include <torch/utils.h>

#include <cmath>

#include "nn/init.h"
#include "nn/norm.h"
#include "support.h"

using namespace mlrun;

namespace {

bool same(const torch::Tensor& a, const torch::Tensor& b) { return torch::allclose(a, b, 1e-5, 1e-6); }

}  // namespace

TEST_CASE("a matrix product scales, transposes, and counts what it multiplies", "[nn]") {
  torch::manual_seed(0);
  const auto a = torch::randn({2, 3, 5, 4}), b = torch::randn({2, 3, 6, 4});
  nn::MatMul scores({.scale = 0.5, .transpose_second = true});
  const auto y = scores.run({a, b});
  CHECK(same(y.front(), 0.5 * torch::matmul(a, b.transpose(-2, -1))));
  CHECK(scores.macs({a, b}, y) == 2 * 3 * 5 * 6 * 4);
  nn::MatMul plain;
  CHECK(same(plain.run({a, b.transpose(-2, -1)}).front(), 2 * y.front()));
  const auto meta = scores.run({a.to(torch::kMeta), b.to(torch::kMeta)}).front();
  CHECK(meta.sizes() == y.front().sizes());
}

TEST_CASE("splitting and merging heads are each other's inverse", "[nn]") {
  // Channels: 3 parts x 2 heads x 2.
  const auto x = torch::arange(5 * 3 * 12).to(torch::kFloat).view({5, 3, 12});
  nn::SplitHeads split(2);
  const auto parts = split.run({x});
  REQUIRE(parts.size() == 3);
  nn::MergeHeads merge;
  for (int64_t i = 0; i < 3; ++i) {
    const auto& part = parts[static_cast<std::size_t>(i)];
    CHECK(part.sizes() == torch::IntArrayRef({5, 2, 3, 2}));
    CHECK(part.is_contiguous());
    CHECK(torch::equal(merge(part), x.slice(2, 4 * i, 4 * i + 4)));
  }
  CHECK(parts[1][3][1][2][0].item<float>() == x[3][2][4 + 2].item<float>());
  // Axes before the tokens become one.
  CHECK(split.run({x.view({5, 1, 3, 12})}).front().sizes() == torch::IntArrayRef({5, 2, 3, 2}));
}

TEST_CASE("attention takes a bias for all, or one for each window of an image", "[nn]") {
  torch::manual_seed(0);
  const auto q = torch::randn({6, 2, 4, 3}), k = torch::randn({6, 2, 4, 3}), v = torch::randn({6, 2, 4, 3});
  const auto scores = torch::matmul(q * 0.7, k.transpose(-2, -1));
  nn::DotProductAttention attention({.scale = 0.7, .bias = true});
  attention.eval();
  const auto one = torch::randn({1, 2, 4, 4});
  CHECK(same(attention.run({q, k, v, one}).front(), torch::matmul(torch::softmax(scores + one, -1), v)));
  // Two images of three windows: window i of both gets bias i.
  const auto windows = torch::randn({3, 2, 4, 4});
  const auto expected = torch::matmul(torch::softmax(scores + windows.repeat({2, 1, 1, 1}), -1), v);
  CHECK(same(attention.run({q, k, v, windows}).front(), expected));
  nn::DotProductAttention free({.scale = 0.7});
  free.eval();
  CHECK(same(free.run({q, k, v}).front(), torch::matmul(torch::softmax(scores, -1), v)));
  CHECK(attention.layers().size() == free.layers().size() + 1);
}

TEST_CASE("multi-head attention equals LibTorch's own", "[nn]") {
  torch::manual_seed(0);
  nn::MultiheadAttention ours(12, 3);
  torch::nn::MultiheadAttention theirs(torch::nn::MultiheadAttentionOptions(12, 3));
  const auto state = nn::state_dict(ours);
  REQUIRE(state.size() == 4);
  CHECK(state[0].first == "in_proj_weight");
  CHECK(state[1].first == "in_proj_bias");
  CHECK(state[2].first == "out_proj.weight");
  CHECK(state[3].first == "out_proj.bias");
  torch::NoGradGuard no_grad;
  for (const auto& [key, tensor] : state) {
    torch::Tensor mine = tensor, other = theirs->named_parameters()[key];
    mine.normal_();
    other.copy_(mine);
  }
  const auto x = torch::randn({2, 5, 12});
  const auto expected = std::get<0>(theirs(x.transpose(0, 1), x.transpose(0, 1), x.transpose(0, 1))).transpose(0, 1);
  CHECK(same(ours(x), expected));
  CHECK(ours(x.to(torch::kMeta)).sizes() == x.sizes());
}

TEST_CASE("the projection of multi-head attention is a layer that uses its parent's weights", "[nn]") {
  nn::MultiheadAttention attention(8, 2);
  nn::name_layers(attention);
  nn::initialise(attention, 0);
  CHECK(attention.in_proj_bias.abs().max().item<float>() == 0);
  const double bound = std::sqrt(6.0 / (8 + 24));
  CHECK(attention.in_proj_weight.abs().max().item<double>() <= bound);
  CHECK(attention.in_proj_weight.abs().max().item<double>() > 0.9 * bound);
  torch::NoGradGuard no_grad;
  for (const auto& child : attention.layers()) {
    if (child->path() != "in_proj") continue;
    CHECK(child->parameters().empty());
    const auto x = torch::randn({1, 2, 8});
    CHECK(child->macs({x}, {torch::empty({1, 2, 24})}) == 2 * 24 * 8);
    CHECK(same((*child)(x), torch::matmul(x, attention.in_proj_weight.t())));
    attention.to(torch::kDouble);
    CHECK((*child)(x.to(torch::kDouble)).scalar_type() == torch::kDouble);
  }
}

TEST_CASE("the MLP of transformers has torchvision's children and draws", "[nn]") {
  nn::Mlp mlp("MLP", 6, 10, 0.5);
  nn::initialise(mlp, 3);
  std::vector<std::string> keys;
  for (const auto& entry : nn::state_dict(mlp)) keys.push_back(entry.first);
  CHECK(keys == std::vector<std::string>{"0.weight", "0.bias", "3.weight", "3.bias"});
  const auto state = nn::state_dict(mlp);
  CHECK(state[0].second.abs().max().item<double>() <= std::sqrt(6.0 / 16));
  CHECK(state[1].second.abs().max().item<double>() < 1e-5);
  CHECK(state[1].second.abs().max().item<double>() > 0);
}

TEST_CASE("layer norm normalizes the last axis, its 2d form the channels", "[nn]") {
  torch::manual_seed(0);
  torch::NoGradGuard no_grad;
  nn::LayerNorm norm(5, 1e-3);
  nn::initialise(norm, 0);
  norm.weight.normal_();
  norm.bias.normal_();
  const auto x = torch::randn({3, 2, 5}) * 4 + 1;
  const auto mean = x.mean(-1, true), var = x.var(-1, /*unbiased=*/false, true);
  CHECK(same(norm(x), (x - mean) / (var + 1e-3).sqrt() * norm.weight + norm.bias));
  nn::LayerNorm2d norm2d(5);
  CHECK(norm2d.type() == "LayerNorm2d");
  CHECK(norm2d.eps() == 1e-5);
  nn::initialise(norm2d, 0);
  const auto image = torch::randn({2, 5, 3, 4});
  const auto y = norm2d(image);
  CHECK(same(y, (image - image.mean(1, true)) / (image.var(1, false, true) + 1e-5).sqrt()));
  CHECK(norm2d(image.to(torch::kMeta)).sizes() == image.sizes());
}

TEST_CASE("softmax and permutation name their axes", "[nn]") {
  const auto x = torch::randn({2, 3, 4});
  CHECK(same(nn::Softmax(1)(x).sum(1), torch::ones({2, 4})));
  CHECK(nn::Permute({2, 0, 1})(x).sizes() == torch::IntArrayRef({4, 2, 3}));
}

TEST_CASE("a truncated normal stays within its bounds", "[nn]") {
  auto x = torch::empty({200000});
  torch::manual_seed(0);
  nn::init::trunc_normal(x, 0.5, 1, -0.5, 1);
  CHECK(x.min().item<double>() >= -0.5);
  CHECK(x.max().item<double>() <= 1);
  CHECK(x.min().item<double>() < -0.499);
  // The mean of a normal cut off at one deviation below and half of one above.
  const auto density = [](double z) { return std::exp(-z * z / 2) / std::sqrt(2 * 3.14159265358979); };
  const auto below = [](double z) { return (1 + std::erf(z / std::sqrt(2.0))) / 2; };
  const double mean = 0.5 + (density(-1) - density(0.5)) / (below(0.5) - below(-1));
  CHECK(x.mean().item<double>() == Approx(mean).margin(0.005));
}
