#include "nn/branches.h"

#include <torch/csrc/jit/frontend/tracer.h>
#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/types.h>
#include <torch/utils.h>

#include "support.h"

using namespace mlrun;

namespace {

torch::Tensor numbers(std::vector<int64_t> shape) {
  return torch::arange(c10::multiply_integers(shape), torch::kFloat).view(shape);
}

/// Doubles its input, and is a layer of its own.
class Twice : public nn::UnaryLayer {
 public:
  Twice() : UnaryLayer("Twice") {}
  torch::Tensor forward(const torch::Tensor& input) override { return input * 2; }
};

}  // namespace

TEST_CASE("Chunk splits channels into equal views", "[nn]") {
  nn::Chunk chunk(2);
  const auto x = numbers({2, 6, 2, 1});
  const nn::Tensors halves = chunk.run({x});
  REQUIRE(halves.size() == 2);
  CHECK(torch::equal(halves[0], x.slice(1, 0, 3)));
  CHECK(torch::equal(halves[1], x.slice(1, 3, 6)));
  CHECK(halves[1].data_ptr() == x[0][3].data_ptr());
  CHECK_THROWS_AS(chunk.run({numbers({1, 3, 1, 1})}), InternalError);
}

TEST_CASE("ChannelShuffle interleaves the groups, in either memory format", "[nn]") {
  nn::ChannelShuffle shuffle(2);
  const auto x = numbers({3, 6, 2, 5});
  const auto order = torch::tensor({0, 3, 1, 4, 2, 5}, torch::kLong);
  CHECK(torch::equal(shuffle(x), x.index_select(1, order)));
  const auto last = shuffle(x.contiguous(torch::MemoryFormat::ChannelsLast));
  CHECK(torch::equal(last, x.index_select(1, order)));
  CHECK(last.is_contiguous(torch::MemoryFormat::ChannelsLast));
  nn::ChannelShuffle thirds(3);
  CHECK(torch::equal(thirds(x), x.index_select(1, torch::tensor({0, 2, 4, 1, 3, 5}, torch::kLong))));
  CHECK(shuffle(torch::empty({4, 6, 7, 8}, torch::kMeta)).sizes() == torch::IntArrayRef({4, 6, 7, 8}));
  CHECK_THROWS_AS(shuffle(numbers({1, 3, 1, 1})), InternalError);
}

TEST_CASE("a trace of ChannelShuffle at one batch size runs at others", "[nn]") {
  for (const auto format : {torch::MemoryFormat::Contiguous, torch::MemoryFormat::ChannelsLast}) {
    nn::ChannelShuffle shuffle(2);
    const auto example = numbers({2, 4, 3, 3}).contiguous(format);
    const auto traced = torch::jit::tracer::trace(
        {example}, [&](const torch::jit::Stack& inputs) { return torch::jit::Stack{shuffle(inputs[0].toTensor())}; },
        [](const torch::autograd::Variable&) { return std::string(); });
    torch::jit::GraphExecutor executor(traced.first->graph, "shuffle");
    for (const int64_t batch : {1, 2, 3}) {
      const auto x = (numbers({batch, 4, 3, 5}) + 1).contiguous(format);
      torch::jit::Stack stack{x};
      executor.run(stack);
      CHECK(torch::equal(stack.at(0).toTensor(), shuffle(x)));
    }
  }
}

TEST_CASE("StochasticDepth drops rows or the batch with the draws of torchvision's", "[nn]") {
  const auto x = torch::ones({6, 2, 2, 2}, torch::requires_grad());
  nn::StochasticDepth row(0.25), batch(0.25, nn::DepthMode::Batch), never(0), always(1);
  torch::manual_seed(3);
  const auto noise = torch::empty({6, 1, 1, 1}).bernoulli_(0.75).div_(0.75);
  const auto one = torch::empty({1, 1, 1, 1}).bernoulli_(0.75).div_(0.75);
  const auto next = torch::rand({1});
  REQUIRE(noise.min().item<float>() == 0);
  REQUIRE(noise.max().item<float>() > 1);
  torch::manual_seed(3);
  const auto dropped = row(x);
  CHECK(torch::equal(dropped, x * noise));
  CHECK(torch::equal(batch(x), x * one));
  CHECK(torch::equal(never(x), x));  // without a draw
  CHECK(torch::equal(torch::rand({1}), next));
  CHECK(always(x).abs().max().item<float>() == 0);
  dropped.sum().backward();
  CHECK(torch::equal(x.grad(), noise.expand_as(x)));
  row.eval();
  always.eval();
  CHECK(torch::equal(row(x), x));
  CHECK(torch::equal(always(x), x));
}

TEST_CASE("Residual adds its input where there is a shortcut", "[nn]") {
  const auto x = numbers({2, 3, 2, 2});
  nn::Residual plain("Block", "conv", std::make_shared<Twice>(), {.add = false});
  CHECK(torch::equal(plain(x), 2 * x));
  CHECK(plain.layers().size() == 1);
  nn::Residual added("Block", "conv", std::make_shared<Twice>(), {});
  CHECK(torch::equal(added(x), 3 * x));
  CHECK(added.named_children().keys() == std::vector<std::string>{"conv", "add"});
  nn::Residual dropped("Block", "block", std::make_shared<Twice>(), {.stochastic_depth = 1.0});
  CHECK(torch::equal(dropped(x), x));
  dropped.eval();
  CHECK(torch::equal(dropped(x), 3 * x));
  // Where nothing is added there is nothing to drop.
  nn::Residual unshared("Block", "block", std::make_shared<Twice>(), {.add = false, .stochastic_depth = 1.0});
  CHECK(torch::equal(unshared(x), 2 * x));
  CHECK(unshared.layers().size() == 1);
}
