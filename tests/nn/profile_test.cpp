#include "nn/profile.h"

#include <torch/types.h>

#include "nn/blocks.h"
#include "nn/repeated.h"
#include "support.h"

using namespace mlrun;

namespace {

std::shared_ptr<nn::Sequential> network() {
  auto model = std::make_shared<nn::Sequential>();
  model->push("stem", nn::conv_norm_act({.in = 3, .out = 8, .stride = 2}));
  model->push("pool", std::make_shared<nn::AdaptiveAvgPool2d>(1));
  model->push("flatten", std::make_shared<nn::Flatten>());
  model->push("fc", std::make_shared<nn::Linear>(8, 5));
  nn::name_layers(*model);
  nn::initialise(*model, 0);
  return model;
}

}  // namespace

TEST_CASE("a profile counts parameters and multiply-adds of every layer", "[nn]") {
  const auto model = network();
  const nn::Profile profile = nn::profile(*model, {2, 3, 16, 16});
  CHECK(profile.params == 3 * 8 * 9 + 2 * 8 + 8 * 5 + 5);
  CHECK(profile.macs == 2 * (8 * 64 * 27 + 40));
  REQUIRE(profile.layers.size() == 8);
  const nn::LayerProfile& conv = profile.layers.front();
  CHECK(conv.path == "stem.0");
  CHECK(conv.type == "Conv2d");
  CHECK(conv.output == std::vector<int64_t>{2, 8, 8, 8});
  CHECK(conv.params == 216);
  CHECK(conv.macs == 2 * 8 * 64 * 27);
  CHECK(profile.layers[3].path == "stem");
  CHECK(profile.layers[3].params == 0);
  CHECK(profile.layers.back().path.empty());
  CHECK(profile.layers.back().output == std::vector<int64_t>{2, 5});
}

TEST_CASE("a profile leaves modes and buffers as they were", "[nn]") {
  const auto model = network();
  const auto layers = model->all_layers();
  layers[1]->train(false);
  layers[3]->train(true);
  std::vector<bool> before, after;
  for (const auto* layer : layers) before.push_back(layer->is_training());
  nn::profile(*model, {1, 3, 8, 8});
  for (const auto* layer : layers) after.push_back(layer->is_training());
  CHECK(before == after);
  for (const auto& [key, tensor] : nn::state_dict(*model)) {
    if (key == "stem.1.num_batches_tracked") CHECK(tensor.item<int64_t>() == 0);
  }
}

TEST_CASE("a profile's shapes are those of a real pass", "[nn]") {
  const auto model = network();
  model->eval();
  std::vector<std::vector<int64_t>> shapes;
  class Shapes : public nn::Interceptor {
   public:
    explicit Shapes(std::vector<std::vector<int64_t>>& found) : found_(found) {}
    nn::Tensors around(nn::Layer&, const nn::Tensors& inputs, const Proceed& proceed) override {
      auto outputs = proceed(inputs);
      found_.push_back(outputs.front().sizes().vec());
      return outputs;
    }

   private:
    std::vector<std::vector<int64_t>>& found_;
  } recorder(shapes);
  const nn::Profile profile = nn::profile(*model, {1, 3, 30, 21});
  nn::InterceptorScope scope(*model, recorder);
  (*model)(torch::zeros({1, 3, 30, 21}));
  REQUIRE(shapes.size() == profile.layers.size());
  for (std::size_t i = 0; i < shapes.size(); ++i) CHECK(shapes[i] == profile.layers[i].output);
}

TEST_CASE("a profile has each call of a layer, and its parameters once", "[nn][calls]") {
  const auto [shared, apart] = test::pyramids();
  const nn::Profile one = nn::profile(*shared, {1, 3, 16, 16}), three = nn::profile(*apart, {1, 3, 16, 16});
  CHECK(one.macs == three.macs);
  REQUIRE(one.layers.size() == three.layers.size());
  std::vector<int> calls;
  int64_t params = 0;
  for (const auto& layer : one.layers) {
    params += layer.params;
    if (layer.path == "head.conv") calls.push_back(layer.call);
  }
  CHECK(calls == std::vector<int>{0, 1, 2});
  CHECK(params == one.params);
  CHECK(one.params == nn::parameter_count(*shared));
}

TEST_CASE("what does not run without numbers is profiled with some", "[nn][calls]") {
  const auto model = test::needs_numbers();
  CHECK_THROWS_AS(nn::profile(*model, {1, 3, 6, 6}), c10::Error);
  const nn::Profile profile = nn::profile_anyhow(*model, {1, 3, 6, 6});
  CHECK(profile.macs == 36 * 9 * (3 * 6 + 6 * 6));
  CHECK(profile.layers.size() == 6);
  CHECK(nn::profile_anyhow(*network(), {1, 3, 8, 8}).macs == nn::profile(*network(), {1, 3, 8, 8}).macs);
}
