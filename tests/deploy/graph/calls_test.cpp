// Layers that run several times in a pass, and models that cannot be graphs.

#include "deploy/engine_scope.h"
#include "deploy/graph/graph.h"
#include "deploy/graph/plan.h"
#include "logged.h"
#include "nn/repeated.h"
#include "nn/tensors.h"
#include "support.h"

using namespace mlrun;
using namespace mlrun::deploy;

namespace {

void check_as_layers(nn::Layer& model, const torch::Tensor& example, const std::vector<torch::Tensor>& inputs) {
  const torch::NoGradGuard no_gradients;
  InferenceGraph graph(model, example);
  for (const auto& input : inputs) {
    INFO(input.sizes());
    const torch::Tensor expected = model(input.clone());
    for (int pass = 0; pass < 2; ++pass) {
      const torch::Tensor given = graph(input);
      REQUIRE(given.sizes() == expected.sizes());
      CHECK(((given - expected).abs().max() / expected.abs().max()).item<double>() < 1e-4);
    }
  }
}

std::string no_graph(nn::Layer& model, const torch::Tensor& example) {
  try {
    InferenceGraph graph(model, example);
  } catch (const NoGraph& reason) {
    return reason.what();
  }
  return "";
}

/// Gives its input to `layer` once, and once more where it is large.
class BySize : public nn::Layer {
 public:
  BySize() : Layer("BySize") { conv_ = add("conv", test::conv3(4, 4)); }
  using Layer::forward;
  nn::Tensors forward(const nn::Tensors& inputs) override {
    const torch::Tensor x = call(*conv_, inputs.front());
    return {inputs.front().size(2) > 8 ? call(*conv_, x) : x};
  }

 private:
  std::shared_ptr<nn::Conv2d> conv_;
};

}  // namespace

TEST_CASE("a repeated layer is a repeated operation with the same weights", "[deploy][graph][calls]") {
  if (!graph_available()) return test::skip("this build has no oneDNN");
  const auto pyramid = test::pyramids().first;
  const GraphPlan plan = plan_graph(*pyramid, {test::noise({1, 3, 16, 16})});
  CHECK(plan.obstacle.empty());
  std::vector<const void*> weights;
  for (const auto& node : plan.nodes) {
    if (node.layer->path() == "head.conv") weights.push_back(node.weight.data_ptr());
  }
  REQUIRE(weights.size() == 3);
  CHECK((weights[0] == weights[1] && weights[1] == weights[2]));
  check_as_layers(*pyramid, test::noise({1, 3, 16, 16}), {test::noise({2, 3, 16, 16}), test::noise({1, 3, 24, 40})});
  check_as_layers(*test::drawn(std::make_shared<test::Recurrent>(3)), test::noise({1, 3, 8, 8}),
                  {test::noise({3, 3, 8, 8}), test::noise({1, 3, 9, 7})});
}

TEST_CASE("calls with different batch norms behind them have weights of their own", "[deploy][graph][calls]") {
  if (!graph_available()) return test::skip("this build has no oneDNN");
  check_as_layers(*test::drawn(std::make_shared<test::TwoNorms>()), test::noise({1, 4, 8, 8}),
                  {test::noise({1, 4, 8, 8}), test::noise({2, 4, 8, 8})});
}

TEST_CASE("a model whose layers depend on the size or whose sizes depend on numbers is no graph",
          "[deploy][graph][calls]") {
  if (!graph_available()) return test::skip("this build has no oneDNN");
  const auto numbers = test::needs_numbers();
  CHECK(no_graph(*numbers, test::noise({1, 3, 8, 8})) ==
        "it does not run on shapes alone: its sizes may depend on its numbers");
  const auto by_size = test::drawn(std::make_shared<BySize>());
  CHECK(no_graph(*by_size, test::noise({1, 4, 8, 8})).empty());
  const std::string told = test::logged([&by_size] {
    const engine::Models models = {{"model", by_size}};
    const torch::NoGradGuard no_gradients;
    std::vector<std::pair<torch::Tensor, torch::Tensor>> expected;
    for (const std::int64_t size : {8, 12, 8}) {
      const auto input = test::noise({1, 4, size, size});
      expected.emplace_back(input, (*by_size)(input.clone()));
    }
    const EngineScope scope(models, "graph");
    for (const auto& [input, output] : expected) {
      CHECK(torch::allclose((*by_size)(input.clone()), output, 1e-4, 1e-5));
    }
  });
  CHECK(told.find("this model runs layer by layer, not as a graph: which of its layers run depends on the size of its "
                  "input") != std::string::npos);
}

TEST_CASE("graphs take several inputs, and give several outputs, the same twice and in either order",
          "[deploy][graph][calls]") {
  if (!graph_available()) return test::skip("this build has no oneDNN");
  class Both : public nn::Layer {
   public:
    Both() : Layer("Both") { conv_ = add("conv", test::conv3(4, 4)); }
    using Layer::forward;
    nn::Tensors forward(const nn::Tensors& inputs) override {
      const torch::Tensor x = call(*conv_, inputs.front());
      return {x, call(*conv_, x), x, inputs.front()};
    }

   private:
    std::shared_ptr<nn::Conv2d> conv_;
  };
  const torch::NoGradGuard no_gradients;
  const auto both = test::drawn(std::make_shared<Both>());
  const nn::Tensors image = {test::noise({2, 4, 9, 7})};
  for (const OutputOrder order : {OutputOrder::Channels, OutputOrder::Pixels}) {
    InferenceGraph graph(*both, image, order);
    const nn::Tensors given = graph.run(image), expected = both->run(image);
    REQUIRE(given.size() == expected.size());
    for (std::size_t i = 0; i < given.size(); ++i) {
      CHECK(torch::allclose(given[i], expected[i], 1e-4, 1e-5));
      CHECK(given[i].is_contiguous(order == OutputOrder::Pixels ? torch::MemoryFormat::ChannelsLast
                                                                : torch::MemoryFormat::Contiguous));
    }
    CHECK(!given[0].is_alias_of(given[2]));
  }
  const std::shared_ptr<nn::Layer> towers = test::drawn(std::make_shared<test::Towers>());
  const nn::Tensors inputs = {test::noise({2, 3, 8, 8}, 1), test::noise({2, 3, 8, 8}, 2)};
  const auto expected = towers->run(nn::copies(inputs)).front();
  const EngineScope scope({{"model", towers}}, "graph");
  CHECK(torch::allclose(towers->run(nn::copies(inputs)).front(), expected, 1e-4, 1e-5));
  CHECK(scope.engine() == "graph");
}
