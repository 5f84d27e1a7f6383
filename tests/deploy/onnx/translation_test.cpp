#include "deploy/onnx/translation.h"

#include "deploy/onnx/mapped.h"
#include "models/named_model.h"

using namespace mlrun;
using Catch::Matchers::ContainsSubstring;
using test::difference;
using test::graph_of;
using test::model_of;

namespace {

std::shared_ptr<nn::Layer> named(const std::string& name, const std::vector<config::Override>& options) {
  const auto model = models::make_named(name, options).layer;
  nn::initialise(*model, 0);
  model->eval();
  return model;
}

}  // namespace

TEST_CASE("one model of each family becomes an ONNX graph that computes the same", "[deploy]") {
  const auto [name, size] = GENERATE(table<std::string, std::int64_t>({{"mobilenet_v3_small", 64},
                                                                       {"shufflenet_v2_x0_5", 64},
                                                                       {"squeezenet1_1", 64},
                                                                       {"resnet18", 64},
                                                                       {"regnet_x_400mf", 64},
                                                                       {"mnasnet0_5", 64},
                                                                       {"efficientnet_b0", 64},
                                                                       {"swin_v2_t", 64},
                                                                       {"preresnet110", 32}}));
  INFO(name);
  const auto model = named(name, {});
  CHECK(difference(*model, graph_of(*model, {3, size, size}), {3, size, size}) < 1e-5);
}

TEST_CASE("operators that an opset lacks are written out", "[deploy]") {
  const auto layers = named("mobilenet_v3_small", {});
  const torch::Tensor weight = torch::rand(8), bias = torch::rand(8);
  const auto norm = model_of([&](const torch::Tensor& x) { return torch::layer_norm(x, {8}, weight, bias, 1e-6); });
  const auto old = graph_of(*layers, {3, 32, 32}, 13), newer = graph_of(*layers, {3, 32, 32}, 14);
  CHECK(test::count(old, "HardSwish") == 0);
  CHECK(test::count(newer, "HardSwish") == 19);
  CHECK(test::count(old, "HardSigmoid") == test::count(newer, "HardSigmoid") + 19);
  CHECK(difference(*layers, old, {3, 32, 32}) < 1e-5);
  const auto spelled = graph_of(*norm, {6, 4, 8}, 16), whole = graph_of(*norm, {6, 4, 8}, 17);
  CHECK(test::count(spelled, "LayerNormalization") == 0);
  CHECK(test::count(whole, "LayerNormalization") == 1);
  CHECK(difference(*norm, spelled, {6, 4, 8}) < 1e-6);
  CHECK(difference(*norm, whole, {6, 4, 8}) < 1e-6);
}

TEST_CASE("weights keep their names, nodes are called after their layers", "[deploy]") {
  const auto model = named("resnet18", {{"model.num_classes", "7"}});
  const auto graph = graph_of(*model, {3, 64, 64});
  for (const auto& [name, tensor] : nn::state_dict(*model)) {
    INFO(name);
    if (name.find("num_batches_tracked") != std::string::npos) continue;
    REQUIRE(graph.constants.count(name) == 1);
    CHECK(torch::equal(graph.constants.at(name), tensor));
  }
  CHECK(graph.constants.size() == 102);  // and nothing else
  CHECK(graph.nodes.front().name == "conv1/Conv");
  CHECK(graph.nodes.back().name == "fc/Gemm");
  CHECK(graph.nodes.back().outputs == std::vector<std::string>{"output"});
  CHECK(*graph.inputs.at(0).shape == std::vector<std::int64_t>{-1, 3, 64, 64});
  CHECK(*graph.outputs.at(0).shape == std::vector<std::int64_t>{-1, 7});
  CHECK(*graph_of(*model, {3, 64, 64}, 17, 4).outputs.at(0).shape == std::vector<std::int64_t>{4, 7});
}

TEST_CASE("a weight that is used twice is one constant, what depends on constants is computed", "[deploy]") {
  const torch::Tensor shared = torch::rand({6, 6}), table = torch::arange(12, torch::kFloat).view({2, 6});
  const auto model = model_of([&](const torch::Tensor& x) {
    const torch::Tensor tokens = x.flatten(2).transpose(1, 2);
    const torch::Tensor bias = table.index({torch::tensor({1, 0, 1, 0})}).permute({0, 1}) * 2;
    return torch::linear(torch::linear(tokens, shared), shared) + bias;
  });
  const auto graph = graph_of(*model, {6, 2, 2});
  CHECK(test::count(graph, "Gather") == 0);
  CHECK(test::count(graph, "MatMul") == 2);
  std::int64_t weights = 0;
  for (const auto& item : graph.constants) weights += item.second.dim() == 2 && item.second.size(0) == 6;
  CHECK(weights == 1);
  CHECK(difference(*model, graph, {6, 2, 2}) < 1e-5);
}

TEST_CASE("rolling, padding, splitting, pooling by halves and the rest compute the same", "[deploy]") {
  using torch::Tensor;
  const std::vector<std::pair<std::string, test::Wrapped::Function>> functions = {
      {"roll",
       [](const Tensor& x) {
         return torch::roll(x, {-1, 2}, {2, 3});
       }},
      {"pad",
       [](const Tensor& x) {
         return torch::constant_pad_nd(x, {1, 0, 0, 2}, 0.5);
       }},
      {"split", [](const Tensor& x) { return torch::cat(x.split(3, 1), 2 - 4); }},
      {"chunk",
       [](const Tensor& x) {
         return torch::stack({x.chunk(2, 1)[1], x.chunk(2, 1)[0]}, -1);
       }},
      {"adaptive",
       [](const Tensor& x) {
         return torch::adaptive_avg_pool2d(x, {2, 5});
       }},
      {"divides",
       [](const Tensor& x) {
         return torch::adaptive_avg_pool2d(x, {2, 4});
       }},
      {"clamp", [](const Tensor& x) { return torch::clamp_max(torch::clamp_min(x, -0.3), 0.4) - 2 * x; }},
      {"norm", [](const Tensor& x) { return x / x.norm(2, -1, true).clamp_min(1e-12).expand_as(x); }},
      {"slice", [](const Tensor& x) { return x.slice(2, 1, -1).slice(3, 0, 5, 2); }},
      {"average", [](const Tensor& x) { return torch::avg_pool2d(x, 3, 2, 1); }},
      {"silu", [](const Tensor& x) { return torch::silu(x) * torch::tanh(x) + torch::hardsigmoid(x); }},
      {"mean",
       [](const Tensor& x) {
         return x.mean({2, -1}).unsqueeze(-1).squeeze(-1);
       }},
      {"rsub", [](const Tensor& x) { return torch::rsub(x, 2, 3).pow(2).sqrt(); }},
  };
  for (const auto& [name, function] : functions) {
    INFO(name);
    const auto model = model_of(function);
    CHECK(difference(*model, graph_of(*model, {6, 6, 8}), {6, 6, 8}) < 1e-6);
  }
}

TEST_CASE("an operator that ONNX lacks is told with its layer", "[deploy]") {
  const auto refusal = [](const test::Wrapped::Function& function) {
    return test::user_error([&] { graph_of(*model_of(function), {6, 8, 8}); });
  };
  CHECK(refusal([](const torch::Tensor& x) { return torch::fft_fft(x).abs(); }) ==
        "cannot be written as ONNX: aten::fft_fft in layer 'odd' has no mapping; export as torchscript, or replace the "
        "layer");
  CHECK_THAT(refusal([](const torch::Tensor& x) { return torch::gelu(x, "tanh"); }),
             ContainsSubstring("aten::gelu in layer 'odd' is the approximation by tanh"));
  CHECK_THAT(refusal([](const torch::Tensor& x) { return torch::max_pool2d(x, 3, 2, 0, 2); }),
             ContainsSubstring("aten::max_pool2d in layer 'odd' is dilated"));
  CHECK_THAT(refusal([](const torch::Tensor& x) { return torch::dropout(x, 0.5, true); }),
             ContainsSubstring("drops values at random"));
  CHECK_THAT(
      refusal([](const torch::Tensor& x) { return torch::instance_norm(x, {}, {}, {}, {}, true, 0.1, 1e-5, false); }),
      ContainsSubstring("in layer 'odd'"));
}
