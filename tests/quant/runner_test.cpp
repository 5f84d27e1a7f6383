#include <algorithm>

#include "catch.h"
#include "deploy/torchscript.h"
#include "deploy/trace.h"
#include "models/parity.h"
#include "nn/profile.h"
#include "quant/calibrate.h"
#include "quant/engine.h"
#include "quant/noise.h"
#include "quant/runner.h"
#include "support.h"

using namespace mlrun;

namespace {

torch::Tensor pictures(int64_t count, int64_t size = 64) {
  torch::manual_seed(6);
  return torch::rand({count, 3, size, size});
}

std::shared_ptr<nn::Layer> drawn_model(const std::string& name) {
  auto model = test::make_model(name);
  nn::initialise(*model, 0);
  model->eval();
  return model;
}

quant::Int8Plan plan_for(nn::Layer& model, const torch::Tensor& batch, const std::vector<std::string>& skip = {}) {
  quant::QuantizeOptions options;
  options.engine = quant::choose_engine("auto");
  options.reduce_range = true;
  options.observer = "min_max";
  options.skip = skip;
  quant::Calibrator calibrator(model, {batch}, options);
  calibrator.observe({batch});
  return calibrator.plan();
}

torch::Tensor outputs_of(nn::Layer& model, const torch::Tensor& batch) {
  const torch::NoGradGuard no_gradients;
  return model(batch.clone());
}

}  // namespace

TEST_CASE("an int8 model is traced, written and read with its outputs to the bit", "[quant][deploy]") {
  const auto model = drawn_model("shufflenet_v2_x0_5");
  const auto batch = pictures(2);
  quant::attach_int8(*model, plan_for(*model, batch, {"fc"}), "test");
  const auto expected = outputs_of(*model, batch);
  const test::TempDir folder;
  const auto frozen = GENERATE(false, true);
  deploy::write_torchscript(folder / "m.pt", deploy::trace(*model, {batch}), frozen, {});
  const auto run = deploy::load_torchscript(folder / "m.pt");
  CHECK(run({batch}).front().equal(expected));
  const auto more = pictures(3);
  CHECK(run({more}).front().equal(outputs_of(*model, more)));
  if (!frozen) {
    const auto module = torch::jit::load((folder / "m.pt").string());
    std::vector<std::string> names;
    for (const auto& parameter : module.named_parameters()) names.push_back(parameter.name);
    CHECK(names == std::vector<std::string>{"fc.weight", "fc.bias"});
  }
}

TEST_CASE("interceptors see what an int8 model's layers give", "[quant]") {
  struct Watch : nn::Interceptor {
    nn::Tensors around(nn::Layer& layer, const nn::Tensors& inputs, const Proceed& proceed) override {
      nn::Tensors outputs = proceed(inputs);
      if (outputs.front().is_quantized()) integers.push_back(layer.path());
      return outputs;
    }
    std::vector<std::string> integers;
  };
  const auto model = drawn_model("resnet18");
  const auto batch = pictures(1);
  const auto macs = nn::profile(*model, {1, 3, 64, 64}).macs;
  quant::attach_int8(*model, plan_for(*model, batch), "test");
  Watch watch;
  const nn::InterceptorScope scope(*model, watch);
  CHECK_FALSE(outputs_of(*model, batch).is_quantized());
  CHECK(std::count(watch.integers.begin(), watch.integers.end(), "layer1.0.conv1") == 1);
  CHECK(std::count(watch.integers.begin(), watch.integers.end(), "") == 0);
  CHECK(nn::profile(*model, {1, 3, 64, 64}).macs == macs);
}

TEST_CASE("the noise of each int8 layer is measured by itself, the worst first", "[quant]") {
  const auto reference = drawn_model("resnet18");
  const auto int8 = drawn_model("resnet18");
  const auto batch = pictures(2);
  auto plan = plan_for(*int8, batch);
  const auto broken = std::find_if(plan.nodes.begin(), plan.nodes.end(),
                                   [](const quant::Int8Node& node) { return node.path == "layer2.0.conv1"; });
  broken->output.scale *= 40;
  quant::attach_int8(*int8, plan, "test");
  const auto noise = quant::layer_noise(*reference, *int8, {nn::Tensors{batch}});
  CHECK(static_cast<int64_t>(noise.size()) == quant::int8_layers(plan));
  CHECK(noise.front().path == "layer2.0.conv1");
  CHECK(noise.front().db < 15);
  CHECK(noise[1].db > 20);  // its neighbours do not suffer from it
  CHECK(std::is_sorted(noise.begin(), noise.end(), [](const auto& a, const auto& b) { return a.db < b.db; }));
}

TEST_CASE("models with code outside the door run in int8 islands", "[quant]") {
  const std::string name = GENERATE("swin_t", "convnext_tiny", "maxvit_t", "googlenet", "regnet_y_400mf", "vit_b_32");
  INFO(name);
  const auto model = drawn_model(name);
  const auto batch = pictures(1, 224);
  const auto expected = outputs_of(*model, batch);
  const auto plan = plan_for(*model, batch);
  CHECK(quant::int8_layers(plan) > 10);
  quant::attach_int8(*model, plan, "test");
  const auto outputs = outputs_of(*model, batch);
  CHECK(outputs.sizes() == expected.sizes());
  CHECK(outputs.isfinite().all().item<bool>());
}

TEST_CASE("the engines agree on a convolution with ReLU6", "[quant]") {
  struct First : nn::Interceptor {
    nn::Tensors around(nn::Layer& layer, const nn::Tensors& inputs, const Proceed& proceed) override {
      nn::Tensors outputs = proceed(inputs);
      if (layer.path() == "features.0.0") integers = outputs.front().int_repr();
      return outputs;
    }
    torch::Tensor integers;
  };
  const auto batch = pictures(2).contiguous(torch::MemoryFormat::ChannelsLast);
  torch::Tensor expected;
  for (const std::string& engine : quant::int8_engines()) {
    INFO(engine);
    const auto model = drawn_model("mobilenet_v2");
    quant::Int8Plan plan = plan_for(*model, batch);
    plan.engine = engine;
    quant::attach_int8(*model, plan, "test");
    First first;
    const nn::InterceptorScope scope(*model, first);
    outputs_of(*model, batch);
    REQUIRE(first.integers.defined());
    if (!expected.defined()) expected = first.integers;
    const auto steps = first.integers.to(torch::kInt).sub(expected.to(torch::kInt)).abs();
    CHECK(steps.max().item<int>() <= 1);
    CHECK(steps.to(torch::kDouble).mean().item<double>() < 0.01);
  }
}
