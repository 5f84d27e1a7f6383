#include "deploy/graph/plan.h"

#include "deploy/graph/net.h"

using namespace mlrun;
using deploy::GraphOp;
using test::act_of;
using test::conv_of;
using test::Net;
using torch::Tensor;

namespace {

/// A plan in words: `conv act sum act, pool`.
std::string words(nn::Layer& model, const std::vector<std::int64_t>& size = {1, 3, 8, 8}) {
  static const char* const kNames[] = {"conv",     "deconv",  "linear",  "affine", "max",  "mean",
                                       "adaptive", "groups",  "act",     "add",    "mul",  "concat",
                                       "chunk",    "shuffle", "flatten", "resize", "layer"};
  const deploy::GraphPlan plan = deploy::plan_graph(model, {test::noise(size)});
  if (!plan.obstacle.empty()) return plan.obstacle;
  std::string text;
  for (const auto& node : plan.nodes) {
    text += (text.empty() ? "" : ", ") + std::string(kNames[static_cast<int>(node.op)]);
    if (node.activation) text += " act";
    if (node.residual >= 0) text += " sum";
    if (node.final_activation) text += " act";
  }
  return text;
}

Net::Parts usual_parts() {
  return {{"a", conv_of({.in = 3, .out = 4, .kernel = 3, .padding = 1})},
          {"b", conv_of({.in = 4, .out = 4, .kernel = 3, .padding = 1, .bias = false})},
          {"norm", test::layer<nn::BatchNorm2d>(4)},
          {"norm2", test::layer<nn::BatchNorm2d>(4)},
          {"frozen", test::layer<nn::FrozenBatchNorm2d>(4)},
          {"groups", test::layer<nn::GroupNorm>(2, 4)},
          {"relu", test::relu()},
          {"silu", act_of(nn::Act::Silu)},
          {"sum", test::layer<nn::Add>()},
          {"pool", test::layer<nn::MaxPool2d>(nn::MaxPool2dOptions{})},
          {"drop", test::layer<nn::Dropout>(0.5)},
          {"same", test::layer<nn::Identity>()},
          {"flatten", test::layer<nn::Flatten>()},
          {"fc", test::layer<nn::Linear>(64, 5)}};
}

}  // namespace

TEST_CASE("convolutions take in the norm, the activation and the sum that follow them alone", "[deploy][graph]") {
  struct PlanRow {
    Net::Body body;
    const char* words;
  };
  const std::vector<PlanRow> rows = {
      {[](const Net& n, const Tensor& x) { return n("relu", n("norm", n("a", x))); }, "conv act"},
      {[](const Net& n, const Tensor& x) { return n("norm", n("relu", n("a", x))); }, "conv act, affine"},
      {[](const Net& n, const Tensor& x) { return n("relu", n("frozen", n("a", x))); }, "conv act"},
      {[](const Net& n, const Tensor& x) { return n("frozen", n("relu", n("a", x))); }, "conv act, affine"},
      {[](const Net& n, const Tensor& x) { return n("relu", n("groups", n("a", x))); }, "conv, groups act"},
      {[](const Net& n, const Tensor& x) { return n("relu", n("norm2", n("norm", n("a", x)))); }, "conv, affine act"},
      {[](const Net& n, const Tensor& x) { return n("silu", n("relu", n("a", x))); }, "conv act, act"},
      {[](const Net& n, const Tensor& x) { return n("relu", n("same", n("drop", n("norm", n("a", x))))); }, "conv act"},
      {[](const Net& n, const Tensor& x) {
         const Tensor y = n("a", x);
         return n("relu", n("sum", n("norm", n("b", y)), y));
       },
       "conv, conv sum act"},
      {[](const Net& n, const Tensor& x) {
         const Tensor y = n("a", x);
         return n("relu", n("sum", n("silu", n("b", y)), y));
       },
       "conv, conv act sum act"},
      {[](const Net& n, const Tensor& x) {  // the norm's input is used elsewhere too
         const Tensor y = n("a", x);
         const Tensor z = n("norm", y);
         return n("sum", n("b", y), z);
       },
       "conv, affine, conv sum"},
      {[](const Net& n, const Tensor& x) {
         const Tensor y = n("pool", n("a", x));
         return n("relu", n("sum", n("norm", y), y));
       },
       "conv, max, affine, add act"},
      {[](const Net& n, const Tensor& x) {  // twice the same summand
         const Tensor y = n("b", n("a", x));
         return n("sum", y, y);
       },
       "conv, conv, add"},
      {[](const Net& n, const Tensor& x) { return n("relu", n("fc", n("flatten", n("pool", n("a", x))))); },
       "conv, max, flatten, linear act"},
  };
  for (const auto& row : rows) {
    INFO("row " << &row - rows.data());
    CHECK(words(*test::net(usual_parts(), row.body)) == row.words);
  }
}

TEST_CASE("folded weights are the convolution's times the norm's, and the model keeps its own", "[deploy][graph]") {
  const auto model =
      test::net(usual_parts(), [](const Net& n, const Tensor& x) { return n("norm", n("b", n("a", x))); });
  std::map<std::string, Tensor> state;
  for (const auto& [name, tensor] : nn::state_dict(*model)) state.emplace(name, tensor.clone());
  const deploy::GraphPlan plan = deploy::plan_graph(*model, {test::noise({1, 3, 8, 8})});
  REQUIRE(plan.nodes.size() == 2);
  const Tensor factor = state.at("norm.weight") / (state.at("norm.running_var") + 1e-5).sqrt();
  CHECK(torch::allclose(plan.nodes[1].weight, state.at("b.weight") * factor.reshape({4, 1, 1, 1}), 1e-5, 1e-6));
  CHECK(
      torch::allclose(plan.nodes[1].bias, state.at("norm.bias") - state.at("norm.running_mean") * factor, 1e-5, 1e-6));
  CHECK(plan.nodes[0].weight.data_ptr() == static_cast<const nn::Conv2d&>(*plan.nodes[0].layer).weight.data_ptr());
  for (const auto& [name, tensor] : nn::state_dict(*model)) CHECK(tensor.equal(state.at(name)));
}

TEST_CASE("what is no graph is told by the layer that stands in its way", "[deploy][graph]") {
  const auto outside = test::net(usual_parts(), [](const Net& n, const Tensor& x) { return n("relu", n("a", x) * 2); });
  CHECK(words(*outside) == "code outside its layers works on what a gives");
  const auto before = test::net(usual_parts(), [](const Net& n, const Tensor& x) { return n("a", x * 2); });
  CHECK(words(*before) == "code outside its layers works on its input");
  const auto made = test::net(usual_parts(), [](const Net& n, const Tensor& x) {
    return n("sum", n("a", x), torch::ones({1, 4, 8, 8}));
  });
  CHECK(words(*made) == "sum takes a value that no layer gives");
  Net::Parts parts = usual_parts();
  parts["odd"] = std::make_shared<test::ByLargest>();
  const auto foreign = test::net(parts, [](const Net& n, const Tensor& x) { return n("relu", n("odd", n("a", x))); });
  CHECK(words(*foreign) == "1 of its 3 operations, as odd (ByLargest), are none that a graph has");
}

TEST_CASE("sizes of all values follow the input's", "[deploy][graph]") {
  const auto model = test::net(usual_parts(), [](const Net& n, const Tensor& x) { return n("pool", n("a", x)); });
  const deploy::GraphPlan plan = deploy::plan_graph(*model, {test::noise({1, 3, 8, 8})});
  const auto sizes = deploy::value_sizes(*model, plan, {{5, 3, 12, 7}});
  CHECK(sizes.at(0) == std::vector<std::int64_t>{5, 3, 12, 7});
  CHECK(sizes.at(static_cast<std::size_t>(plan.outputs.front())) == std::vector<std::int64_t>{5, 4, 6, 3});
  CHECK(test::user_error([&] { deploy::value_sizes(*model, plan, {{1, 3, 1, 1}}); }).find("pool") != std::string::npos);
}
