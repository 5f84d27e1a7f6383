#include "quant/float_sums.h"

#include "catch.h"
#include "models/parity.h"
#include "nn/layers.h"
#include "quant/calibrate.h"
#include "quant/engine.h"
#include "quant/kernels.h"
#include "quant/runner.h"

using namespace mlrun;

namespace {

/// Two layers whose sums are as large as 8 bits make them: 16 bits do not hold two products.
struct Extreme {
  std::shared_ptr<nn::Sequential> model = std::make_shared<nn::Sequential>();
  quant::Int8Plan plan;
  torch::Tensor input = torch::full({2, 64, 4, 4}, 2.55F);

  explicit Extreme(const std::string& engine) {
    model->push("conv", std::make_shared<nn::Conv2d>(nn::Conv2dOptions{.in = 64, .out = 16}));
    nn::name_layers(*model);
    model->eval();
    plan = {"ptq", engine, /*reduce_range=*/false, {}, {}};
    quant::Int8Node node;
    node.path = "conv";
    node.op = "conv2d";
    node.activation = "relu";
    node.inputs = {{0.01, 0}};
    node.output = {0.5, 10};
    node.weight = torch::full({16, 64, 1, 1}, 127, torch::kChar);
    node.weight.narrow(0, 8, 8).fill_(-127);
    node.weight_scale = torch::full({16}, 0.005F);
    node.bias = torch::zeros({16});
    plan.nodes = {node};
  }
};

}  // namespace

TEST_CASE("activations of 8 bits give the same sums on every processor", "[quant]") {
  const std::string engine = GENERATE(from_range(quant::int8_engines()));
  INFO(engine << ", overflows: " << quant::saturates(engine));
  Extreme extreme(engine);
  quant::attach_int8(*extreme.model, extreme.plan, "test");
  const torch::NoGradGuard no_gradients;
  const torch::Tensor output = (*extreme.model)(extreme.input);
  const double sum = 64 * 2.55 * 127 * 0.005;  // 103.6, of which 16 bits give half
  CHECK(output.narrow(1, 0, 8).sub(sum).abs().max().item<double>() <= 0.5);
  CHECK(output.narrow(1, 8, 8).abs().max().item<double>() == 0);
}

TEST_CASE("sums in float32 are the kernels' to a step", "[quant]") {
  const auto [op, activation] = GENERATE(table<std::string, std::string>({{"conv2d", ""},
                                                                          {"conv2d", "relu"},
                                                                          {"conv2d", "relu6"},
                                                                          {"linear", ""},
                                                                          {"linear", "relu"},
                                                                          {"linear_dynamic", ""}}));
  INFO(op << " " << activation);
  torch::manual_seed(2);
  const std::string engine = quant::choose_engine("auto");
  quant::use_engine(engine);
  const nn::Conv2d conv({.in = 12, .out = 20, .kernel = 3, .stride = 2, .padding = 1, .groups = 2});
  const nn::Linear linear(12, 20);
  const nn::Layer& layer = op == "conv2d" ? static_cast<const nn::Layer&>(conv) : linear;
  quant::Int8Node node;
  node.op = op;
  node.activation = activation;
  node.inputs = {{0.02, 7}};
  node.output = {0.05, 100};
  const std::vector<std::int64_t> sizes =
      op == "conv2d" ? std::vector<std::int64_t>{20, 6, 3, 3} : std::vector<std::int64_t>{20, 12};
  node.weight = torch::randint(-60, 61, sizes, torch::kChar);  // no overflow on any processor
  node.weight_scale = torch::rand({20}) * 0.01 + 0.001;
  node.bias = torch::randn({20});
  torch::Tensor input =
      torch::rand(op == "conv2d" ? std::vector<std::int64_t>{3, 12, 9, 9} : std::vector<std::int64_t>{3, 12}) * 4 - 1;
  if (op != "linear_dynamic") input = quant::quantize(input, node.inputs[0]);
  const torch::Tensor expected =
      quant::run_kernel(node, layer, quant::packed_weight(node, layer), /*reduce_range=*/false, {input});
  const torch::Tensor found = quant::FloatSums(node, layer).run(input);
  CHECK(found.is_quantized() == expected.is_quantized());
  if (!found.is_quantized()) {
    CHECK(torch::allclose(found, expected, 1e-5, 1e-5));
    return;
  }
  const torch::Tensor off = found.int_repr().to(torch::kInt).sub(expected.int_repr().to(torch::kInt)).abs();
  CHECK(off.max().item<int>() <= 1);
  CHECK(off.to(torch::kDouble).mean().item<double>() < 0.01);
  CHECK(found.int_repr().max().item<int>() > found.int_repr().min().item<int>());
}

TEST_CASE("only what adds products of 8 bits can overflow", "[quant]") {
  const nn::Conv2d conv({.in = 8, .out = 8}), depthwise({.in = 8, .out = 8, .kernel = 3, .groups = 8});
  const nn::Linear linear(4, 4);
  quant::Int8Node node;
  node.op = "conv2d";
  CHECK(quant::adds_products(node, conv));
  CHECK_FALSE(quant::adds_products(node, depthwise));
  node.op = "add";
  CHECK_FALSE(quant::adds_products(node, linear));
  node.op = "linear_dynamic";
  CHECK(quant::adds_products(node, linear));
}

TEST_CASE("the range of activations depends on the kind of kernels, not on this processor", "[quant]") {
#if defined(__x86_64__)
  CHECK(quant::reduces_range("auto", "onednn"));
  CHECK(quant::reduces_range("auto", "x86"));
#endif
  CHECK_FALSE(quant::reduces_range("auto", "qnnpack"));
  CHECK(quant::reduces_range("on", "qnnpack"));
  CHECK_FALSE(quant::reduces_range("off", "onednn"));
}
