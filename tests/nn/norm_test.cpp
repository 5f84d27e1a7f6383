#include "nn/norm.h"

#include <torch/types.h>
#include <torch/utils.h>

#include "nn/layers.h"
#include "nn/versions.h"
#include "optim/depth.h"
#include "support.h"

using namespace mlrun;

namespace {

std::vector<std::string> keys_of(const nn::Layer& layer) {
  std::vector<std::string> keys;
  for (const auto& item : nn::state_dict(layer)) keys.push_back(item.first);
  return keys;
}

/// Values without a pattern in [-1, 1).
torch::Tensor values(std::vector<int64_t> shape) {
  torch::manual_seed(21);
  return torch::rand(shape, torch::kDouble) * 2 - 1;
}

/// Each channel's mean and unbiased variance over all other axes.
std::pair<torch::Tensor, torch::Tensor> moments(const torch::Tensor& x) {
  const torch::Tensor rows = x.transpose(0, 1).flatten(1);
  return {rows.mean(1), rows.var(1, /*unbiased=*/true)};
}

}  // namespace

TEST_CASE("batch norms of one, two and three dimensions normalize each channel by its batch", "[nn]") {
  nn::BatchNorm1d flat(3, {.eps = 0, .momentum = 0.5}), sequence(3, {.eps = 0, .momentum = 0.5});
  nn::BatchNorm2d image(3, {.eps = 0, .momentum = 0.5});
  nn::BatchNorm3d clip(3, {.eps = 0, .momentum = 0.5});
  const std::pair<nn::BatchNorm*, std::vector<int64_t>> cases[] = {
      {&flat, {5, 3}}, {&sequence, {2, 3, 7}}, {&image, {2, 3, 4, 5}}, {&clip, {2, 3, 2, 3, 4}}};
  for (const auto& [norm, shape] : cases) {
    INFO(norm->type() << " of " << shape.size() << " axes");
    nn::initialise(*norm, 0);
    norm->to(torch::kDouble);
    const auto x = values(shape);
    const auto [mean, variance] = moments(x);
    const auto [zero, one] = moments((*norm)(x));
    const double count = static_cast<double>(x.numel()) / 3;
    CHECK(torch::allclose(zero, torch::zeros({3}, torch::kDouble), 0, 1e-12));
    CHECK(torch::allclose(one, torch::full({3}, count / (count - 1), torch::kDouble), 1e-9));
    CHECK(torch::allclose(norm->running_mean, mean / 2));
    CHECK(torch::allclose(norm->running_var, 0.5 + variance / 2));
    norm->eval();
    std::vector<int64_t> spread(shape.size(), 1);
    spread[1] = 3;
    CHECK(torch::allclose((*norm)(x), (x - norm->running_mean.view(spread)) / norm->running_var.view(spread).sqrt()));
    CHECK((*norm)(x.to(torch::kMeta)).sizes() == x.sizes());
  }
  CHECK(flat.type() == "BatchNorm1d");
  CHECK(clip.type() == "BatchNorm3d");
}

TEST_CASE("a batch norm of vectors refuses a single sample, as one of images refuses a single pixel", "[nn]") {
  nn::Sequential model;
  model.push("norm", std::make_shared<nn::BatchNorm1d>(4));
  nn::name_layers(model);
  nn::initialise(model, 0);
  CHECK(test::user_error([&] {
          model(torch::ones({1, 4}));
        }) ==
        "the batch norm at norm sees one value of each channel, which has no variance; train on two samples at a time "
        "at least, or on larger images");
  CHECK_NOTHROW(model(torch::ones({1, 4, 2})));
}

TEST_CASE("every batch counts the same while a batch norm counts anew, of any number of dimensions", "[nn]") {
  nn::BatchNorm3d norm(2);
  nn::initialise(norm, 0);
  norm.to(torch::kDouble);
  const auto x = values({6, 2, 2, 2, 3});
  norm(x);
  norm.begin_cumulative();
  CHECK(norm.running_mean.abs().sum().item<double>() == 0);
  torch::Tensor sum = torch::zeros({2}, torch::kDouble);
  for (int64_t i = 0; i < 3; ++i) {
    norm(x.slice(0, 2 * i, 2 * i + 2));
    sum += moments(x.slice(0, 2 * i, 2 * i + 2)).first;
  }
  norm.end_cumulative();
  CHECK(torch::allclose(norm.running_mean, sum / 3));
  CHECK(norm.num_batches_tracked.item<int64_t>() == 3);
  norm.track(false);
  norm(x);
  CHECK(torch::allclose(norm.running_mean, sum / 3));
  norm.track(true);
  norm(x);
  CHECK(torch::allclose(norm.running_mean, sum / 3 * 0.9 + moments(x).first * 0.1));
}

TEST_CASE("a frozen batch norm computes what an evaluated batch norm computes, and nothing changes it", "[nn]") {
  for (const double eps : {1e-5, 0.0}) {
    nn::BatchNorm2d plain(3, {.eps = eps});
    nn::FrozenBatchNorm2d frozen(3, eps);
    nn::initialise(plain, 0);
    nn::initialise(frozen, 0);
    CHECK(torch::equal(frozen.weight, torch::ones({3})));
    CHECK(torch::equal(frozen.running_var, torch::ones({3})));
    plain.to(torch::kDouble);
    frozen.to(torch::kDouble);
    const torch::Tensor scale = torch::tensor({0.5, 1.5, -1.0}, torch::kDouble), shift = scale + 2, mean = scale * 3,
                        variance = scale * scale + 0.25;
    {
      const torch::NoGradGuard no_grad;
      plain.weight.copy_(scale), plain.bias.copy_(shift);
      plain.running_mean.copy_(mean), plain.running_var.copy_(variance);
      frozen.weight.copy_(scale), frozen.bias.copy_(shift);
      frozen.running_mean.copy_(mean), frozen.running_var.copy_(variance);
    }
    plain.eval();
    frozen.train();
    auto a = values({2, 3, 4, 5}).requires_grad_(), b = values({2, 3, 4, 5}).requires_grad_();
    const auto expected = plain(a), found = frozen(b);
    CHECK(torch::allclose(found, expected, 1e-12, 1e-12));
    expected.square().sum().backward();
    found.square().sum().backward();
    CHECK(torch::allclose(b.grad(), a.grad(), 1e-12, 1e-12));
    CHECK(torch::equal(frozen.running_mean, mean));
    CHECK(torch::equal(frozen.running_var, variance));
    CHECK_NOTHROW(frozen(values({1, 3, 1, 1})));
  }
}

TEST_CASE("group norm normalizes groups of channels of each sample", "[nn]") {
  nn::GroupNorm norm(2, 6, 0);
  nn::initialise(norm, 0);
  norm.to(torch::kDouble);
  const auto x = values({3, 6, 4, 5});
  const auto groups = x.view({3, 2, -1});
  const auto expected = (groups - groups.mean(2, true)) / groups.var(2, /*unbiased=*/false, /*keepdim=*/true).sqrt();
  CHECK(torch::allclose(norm(x).view({3, 2, -1}), expected));
  CHECK(torch::allclose(norm(x.slice(0, 1, 2)), norm(x).slice(0, 1, 2)));
  {
    const torch::NoGradGuard no_grad;
    norm.weight.fill_(2);
    norm.bias.fill_(-1);
  }
  CHECK(torch::allclose(norm(x).view({3, 2, -1}), 2 * expected - 1));
  CHECK(norm(x.to(torch::kMeta)).sizes() == x.sizes());
  CHECK(test::user_error([] { nn::GroupNorm(4, 6); }) ==
        "a group norm of 4 groups does not divide 6 channels; take a number of groups that divides the channels of "
        "every layer, as 8");
}

TEST_CASE("norms are made by their kind, with upstream's keys and modules' versions", "[nn]") {
  const auto made = [](nn::NormKind kind) {
    return nn::make_norm(8, {.kind = kind, .eps = 0.5, .momentum = 0.25, .groups = 4});
  };
  const std::vector<std::string> counted = {"weight", "bias", "running_mean", "running_var", "num_batches_tracked"},
                                 frozen = {"weight", "bias", "running_mean", "running_var"},
                                 grouped = {"weight", "bias"};
  CHECK(keys_of(*made(nn::NormKind::Batch)) == counted);
  CHECK(keys_of(*made(nn::NormKind::Sync)) == counted);
  CHECK(keys_of(*made(nn::NormKind::Frozen)) == frozen);
  CHECK(keys_of(*made(nn::NormKind::Group)) == grouped);
  CHECK(made(nn::NormKind::Frozen)->parameters().empty());
  const auto sync = std::dynamic_pointer_cast<nn::SyncBatchNorm>(made(nn::NormKind::Sync));
  REQUIRE(sync);
  CHECK(sync->options().eps == 0.5);
  CHECK(sync->options().momentum == 0.25);
  CHECK(std::dynamic_pointer_cast<nn::FrozenBatchNorm2d>(made(nn::NormKind::Frozen))->eps() == 0.5);
  CHECK(std::dynamic_pointer_cast<nn::GroupNorm>(made(nn::NormKind::Group))->groups() == 4);
  const std::pair<nn::NormKind, std::int64_t> versions[] = {
      {nn::NormKind::Batch, 2}, {nn::NormKind::Sync, 2}, {nn::NormKind::Frozen, 1}, {nn::NormKind::Group, 1}};
  for (const auto& [kind, version] : versions) CHECK(nn::module_versions(*made(kind)).front().second == version);
  for (const auto& item : versions) CHECK(optim::is_norm(*made(item.first)));
  CHECK(optim::is_norm(nn::LayerNorm2d(3)));
  CHECK_FALSE(optim::is_norm(nn::Linear(2, 2)));
}
