#include "nn/blocks.h"

#include <torch/types.h>
#include <torch/utils.h>

#include "support.h"

using namespace mlrun;

TEST_CASE("a convolution with norm and activation keeps the size at stride 1", "[nn]") {
  auto block = nn::conv_norm_act({.in = 4, .out = 6, .kernel = 5, .dilation = 2, .groups = 2});
  nn::initialise(*block, 0);
  CHECK(block->size() == 3);
  CHECK((*block)(torch::ones({2, 4, 9, 7})).sizes() == torch::IntArrayRef({2, 6, 9, 7}));
  std::vector<std::string> keys;
  for (const auto& [key, tensor] : nn::state_dict(*block)) keys.push_back(key);
  CHECK(keys == std::vector<std::string>{"0.weight", "1.weight", "1.bias", "1.running_mean", "1.running_var",
                                         "1.num_batches_tracked"});
  CHECK(nn::conv_norm_act({.in = 1, .out = 1, .activation = std::nullopt})->size() == 2);
}

TEST_CASE("squeeze-excitation scales channels by a function of their means", "[nn]") {
  nn::SqueezeExcitation block(4, 2, nn::Act::Relu, nn::Act::Hardsigmoid);
  nn::initialise(block, 0);
  torch::NoGradGuard no_grad;
  const auto x = torch::randn({3, 4, 5, 6});
  const auto state = nn::state_dict(block);
  REQUIRE(state.size() == 4);
  CHECK(state[0].first == "fc1.weight");
  CHECK(state[3].first == "fc2.bias");
  const auto mean = x.mean({2, 3});
  const auto squeezed = torch::relu(torch::linear(mean, state[0].second.flatten(1), state[1].second));
  const auto scale = torch::hardsigmoid(torch::linear(squeezed, state[2].second.flatten(1), state[3].second));
  CHECK(torch::allclose(block(x), x * scale.view({3, 4, 1, 1}), 1e-5, 1e-6));
}

TEST_CASE("scaled widths are multiples that lose at most a tenth", "[nn]") {
  CHECK(nn::make_divisible(16 * 0.75) == 16);
  CHECK(nn::make_divisible(24 * 0.35) == 8);
  CHECK(nn::make_divisible(3) == 8);
  CHECK(nn::make_divisible(19) == 24);  // 16 would be 16 % below
  CHECK(nn::make_divisible(20) == 24);
  CHECK(nn::make_divisible(17) == 16);
  CHECK(nn::make_divisible(10, 4) == 12);
}
