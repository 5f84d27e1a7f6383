#include <algorithm>
#include <functional>
#include <map>

#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/types.h>
#include <torch/utils.h>

#include "catch.h"
#include "deploy/onnx/model.h"
#include "deploy/onnx/translation.h"
#include "deploy/trace.h"
#include "deploy/wrapped.h"
#include "models/named_model.h"
#include "nn/layers.h"
#include "quant/calibrate.h"
#include "quant/engine.h"
#include "quant/runner.h"
#include "support.h"

using namespace mlrun;
using namespace mlrun::deploy;

namespace {

torch::Tensor images(std::int64_t count, std::int64_t channels, std::int64_t size) {
  torch::manual_seed(count);
  return torch::randn({count, channels, size, size});
}

/// The same layers in int8, by what images give.
void make_int8(nn::Layer& model, const torch::Tensor& batch, const std::string& weights = "per_channel") {
  quant::QuantizeOptions options;
  options.engine = quant::choose_engine("auto");
  options.reduce_range = quant::reduces_range("auto", options.engine);
  options.observer = "min_max";
  options.weights = weights;
  quant::Calibrator calibrator(model, {batch}, options);
  calibrator.observe({batch});
  quant::attach_int8(model, calibrator.plan(), "test");
}

std::shared_ptr<nn::Layer> int8_model(const std::string& name, const torch::Tensor& batch) {
  const auto model = models::make_named(name, {{"model.num_classes", "7"}}).layer;
  nn::initialise(*model, 0);
  model->eval();
  make_int8(*model, batch);
  return model;
}

OnnxGraph int8_graph(nn::Layer& model, const torch::Tensor& batch, std::int64_t opset = 17) {
  TraceOptions options;
  options.out_of_place = true;
  std::vector<std::int64_t> shape = batch.sizes().vec();
  shape[0] = -1;
  return onnx_graph_of(trace(model, {batch}, options), {{{"input", torch::kFloat, shape}}, {{"output", {}, shape}}},
                       opset);
}

/// What each layer of an int8 model gives, in integers.
class Integers : public nn::Interceptor {
 public:
  nn::Tensors around(nn::Layer& layer, const nn::Tensors& inputs, const Proceed& proceed) override {
    nn::Tensors outputs = proceed(inputs);
    for (const auto& output : outputs) {
      if (output.is_quantized()) found[layer.path()].push_back(output.int_repr().contiguous());
    }
    return outputs;
  }
  std::map<std::string, nn::Tensors> found;
};

/// The integers by the names of the graph's values: of a layer with several steps they are the last ones.
std::map<std::string, torch::Tensor> by_value(const OnnxGraph& graph, const Integers& integers) {
  std::map<std::string, std::vector<std::string>> values;
  for (const auto& node : graph.nodes) {
    const std::string layer = node.name.substr(0, node.name.rfind('/'));
    if (node.type == "QuantizeLinear") values[layer].push_back(node.name);
    if (node.type == "Clip") values[layer].back() = node.name;  // ReLU6 on the integers themselves
  }
  std::map<std::string, torch::Tensor> found;
  for (const auto& [layer, names] : values) {
    const auto given = integers.found.find(layer);
    if (given == integers.found.end()) continue;
    const std::size_t first = names.size() - given->second.size();
    for (std::size_t i = 0; i < given->second.size(); ++i) found[names.at(first + i)] = given->second[i];
  }
  return found;
}

/// Runs each layer of the graph on the integers that the model itself has before it. The share of integers that are
/// another than the model's, which must be neighbours.
double share_off(OnnxGraph graph, const std::map<std::string, torch::Tensor>& integers, const torch::Tensor& batch) {
  nn::Tensors inputs = {batch};
  graph.outputs.clear();
  for (const auto& [name, values] : integers) {
    for (auto& node : graph.nodes) {
      if (node.type == "DequantizeLinear" && node.inputs[0] == name) node.inputs[0] = "given " + name;
    }
    graph.inputs.push_back({"given " + name, torch::kByte, values.sizes().vec()});
    graph.outputs.push_back({name, torch::kByte, std::nullopt});
    inputs.push_back(values);
  }
  const nn::Tensors outputs = OnnxModel(std::move(graph)).run(inputs);
  double off = 0, total = 0;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    REQUIRE(outputs[i].sizes() == inputs[i + 1].sizes());
    const torch::Tensor steps = outputs[i].to(torch::kInt).sub(inputs[i + 1].to(torch::kInt)).abs();
    CHECK(steps.max().item<int>() <= 1);
    off += steps.sum().item<double>();
    total += static_cast<double>(steps.numel());
  }
  return off / total;
}

/// A dynamically quantized linear layer by its definition.
torch::Tensor in_steps(const torch::Tensor& x, int steps, const quant::Int8Node& node) {
  const torch::Tensor least = x.min().clamp_max(0), most = x.max().clamp_min(0);
  const torch::Tensor scale = most.sub(least).div(steps).clamp_min(6.1e-5), zero = least.neg().div(scale).round();
  const torch::Tensor integers = x.div(scale).round().add(zero).clamp(0, 255).sub(zero);
  const torch::Tensor weight = node.weight.to(torch::kFloat).mul(node.weight_scale.reshape({-1, 1}));
  return torch::linear(integers.mul(scale), weight, node.bias);
}

}  // namespace

TEST_CASE("each layer of an int8 model becomes ONNX operators with LibTorch's integers", "[deploy][quant]") {
  const auto [name, values, opset] =
      GENERATE(table<std::string, std::size_t, std::int64_t>({{"mobilenet_v3_small", 97, 17},
                                                              {"mobilenet_v3_small", 97, 13},
                                                              {"mobilenet_v2", 64, 17},
                                                              {"shufflenet_v2_x0_5", 70, 17},
                                                              {"resnet18", 31, 17}}));
  INFO(name << ", opset " << opset);
  const torch::Tensor batch = images(2, 3, 48);
  const auto model = int8_model(name, batch);
  Integers integers;
  {
    const torch::NoGradGuard no_gradients;
    const nn::InterceptorScope scope(*model, integers);
    (*model)(batch);
  }
  const OnnxGraph graph = int8_graph(*model, batch, opset);
  const auto known = by_value(graph, integers);
  CHECK(known.size() >= values);
  CHECK(share_off(graph, known, batch) < 1e-3);
  CHECK(test::count(graph, "HardSwish") == (opset == 17 && name == "mobilenet_v3_small" ? 19 : 0));
  CHECK(OnnxModel(graph).run({images(3, 3, 48)}).at(0).size(0) == 3);
}

TEST_CASE("weights are int8 with a scale for each output, named after their layers", "[deploy][quant]") {
  const torch::Tensor batch = images(2, 1, 28);
  const auto model = models::make_named("small_cnn", {{"model.num_classes", "3"}}).layer;
  nn::initialise(*model, 0);
  model->eval();
  const std::string weights = GENERATE("per_channel", "per_tensor");
  make_int8(*model, batch, weights);
  const quant::Int8Plan& plan = quant::int8_runner(*model)->plan();
  const OnnxGraph graph = int8_graph(*model, batch);
  for (const auto& node : plan.nodes) {
    INFO(node.path);
    if (!node.weight.defined()) continue;
    CHECK(torch::equal(graph.constants.at(node.path + ".weight"), node.weight));
    CHECK(torch::equal(graph.constants.at(node.path + ".weight_scale"), node.weight_scale));
    const auto reader = std::find_if(graph.nodes.begin(), graph.nodes.end(), [&](const OnnxNode& one) {
      return one.type == "DequantizeLinear" && one.inputs[0] == node.path + ".weight";
    });
    REQUIRE(reader != graph.nodes.end());
    CHECK(reader->attributes.count("axis") == (weights == "per_channel" ? 1 : 0));
  }
  CHECK(*graph.outputs.at(0).shape == std::vector<std::int64_t>{-1, 3});
}

TEST_CASE("linear layers that take the range of each batch compute LibTorch's products", "[deploy][quant]") {
  const bool reduce_range = GENERATE(true, false);
  const std::int64_t tokens = GENERATE(0, 5);
  INFO("reduce_range " << reduce_range << ", tokens " << tokens);
  const auto model = std::make_shared<nn::Sequential>();
  model->push("fc", std::make_shared<nn::Linear>(12, 7));
  nn::name_layers(*model);
  nn::initialise(*model, 0);
  model->eval();
  const auto rows = [&](std::int64_t n) { return tokens == 0 ? torch::randn({n, 12}) : torch::randn({n, tokens, 12}); };
  torch::manual_seed(1);
  const torch::Tensor batch = rows(2);
  quant::QuantizeOptions options;
  options.engine = quant::choose_engine("auto");
  options.reduce_range = reduce_range;
  quant::attach_int8(*model, quant::quantize_dynamic(*model, {batch}, options), "test");
  const OnnxGraph graph = int8_graph(*model, batch);
  CHECK(test::count(graph, "MatMulInteger") == 1);
  CHECK(test::count(graph, "DynamicQuantizeLinear") == (reduce_range ? 0 : 1));
  const OnnxModel translated(graph);
  const torch::NoGradGuard no_gradients;
  const quant::Int8Node& node = quant::int8_runner(*model)->plan().nodes.front();
  for (const auto& input : {rows(1), rows(3), rows(2).abs(), rows(2).abs().neg(), torch::zeros_like(batch)}) {
    const torch::Tensor found = translated.run({input}).at(0);
    CHECK(torch::allclose(found, in_steps(input, reduce_range ? 127 : 255, node), 1e-5, 1e-5));
    CHECK(torch::allclose(found, (*model)(input), 1e-5, 1e-5));
  }
}

TEST_CASE("what ONNX cannot say of integers is told with its layer", "[deploy][quant]") {
  using torch::Tensor;
  const auto refusal = [](const std::function<Tensor(const Tensor&)>& function) {
    const auto model = std::make_shared<nn::Sequential>();
    model->push("odd", std::make_shared<test::Wrapped>([&](const Tensor& x) {
                  return function(torch::quantize_per_tensor(x, 0.1, 128, torch::kQUInt8)).dequantize();
                }));
    nn::name_layers(*model);
    return test::user_error([&] { int8_graph(*model, images(2, 1, 8)); });
  };
  const auto leaky = [](const Tensor& x) {
    const auto op = c10::Dispatcher::singleton().findSchemaOrThrow("quantized::leaky_relu", "");
    torch::jit::Stack stack = {x, 0.1, false, 0.1, int64_t{128}};
    op.callBoxed(&stack);
    return stack.front().toTensor();
  };
  CHECK(refusal(leaky) ==
        "cannot be written as ONNX: quantized::leaky_relu in layer 'odd' has no mapping; export as torchscript, or "
        "replace the layer");
  CHECK(refusal([](const Tensor& x) { return torch::tanh(x); }) ==
        "cannot be written as ONNX: aten::tanh in layer 'odd' gives integers of a scale that is not told; export as "
        "torchscript, or replace the layer");
  CHECK(refusal([](const Tensor& x) { return torch::quantize_per_tensor(x.dequantize(), 0.1, 0, torch::kQInt8); }) ==
        "cannot be written as ONNX: aten::quantize_per_tensor in layer 'odd' makes no uint8 of them; export as "
        "torchscript, or replace the layer");
}
