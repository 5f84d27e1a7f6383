#include "models/registry.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "nn/layers.h"
#include "support.h"

using namespace mlrun;

namespace {

std::shared_ptr<nn::Layer> make(const std::string& name, const Json& options, models::ModelRequest request = {}) {
  config::Component component = models::models().defaults(name);
  const config::Spec& spec = *models::models().at(name).options;
  for (const auto& [key, value] : options.items()) spec.find(key)->set(component.options.get(), value);
  return models::models().make(component, request);
}

/// Counts the calls of each layer.
class Census : public nn::Interceptor {
 public:
  nn::Tensors around(nn::Layer& layer, const nn::Tensors& inputs, const Proceed& proceed) override {
    ++calls[&layer];
    return proceed(inputs);
  }
  std::map<nn::Layer*, int> calls;
};

int64_t count_type(nn::Layer& model, const std::string& type) {
  const auto layers = model.all_layers();
  return std::count_if(layers.begin(), layers.end(), [&](const nn::Layer* layer) { return layer->type() == type; });
}

nn::Conv2d& first_convolution(nn::Layer& model) {
  for (nn::Layer* layer : model.all_layers()) {
    if (auto* conv = dynamic_cast<nn::Conv2d*>(layer)) return *conv;
  }
  FAIL("no convolution");
  throw std::logic_error("unreachable");
}

}  // namespace

TEST_CASE("sizes of models are counted and equal what is published", "[models]") {
  // Parameters: torchvision 0.14.1 (num_params of the weights); multiply-adds: torchvision's
  // documentation of the weights (there called GFLOPS, three decimals).
  struct Row {
    const char* name;
    int64_t params;
    double gmacs;
  };
  const Row rows[] = {{"resnet18", 11689512, 1.814},
                      {"resnet34", 21797672, 3.664},
                      {"resnet50", 25557032, 4.089},
                      {"mobilenet_v3_small", 2542856, 0.057},
                      {"mobilenet_v3_large", 5483032, 0.217}};
  for (const Row& row : rows) {
    const models::ModelFacts facts = models::model_facts(row.name);
    INFO(row.name);
    CHECK(facts.params == row.params);
    CHECK(std::abs(static_cast<double>(facts.macs) / 1e9 - row.gmacs) < 6e-4);
    CHECK(facts.input_size == 224);
  }
  CHECK(models::model_facts("small_cnn").input_size == 28);
  CHECK_THROWS_AS(models::model_facts("resnet19"), UserError);
}

TEST_CASE("every model takes what the data asks for", "[models]") {
  torch::NoGradGuard no_grad;
  for (const auto& entry : models::models().entries()) {
    INFO(entry.name);
    CHECK(entry.facts.at("task") == "classification");
    CHECK_FALSE(entry.description.empty());
    const auto model = make(entry.name, Json::object(), {5, 2});
    nn::initialise(*model, 0);
    model->eval();
    const auto x = torch::randn({3, 2, 40, 36});
    const auto y = (*model)(x);
    CHECK(y.sizes() == torch::IntArrayRef({3, 5}));
    CHECK(torch::allclose((*model)(x.slice(0, 1, 2)), y.slice(0, 1, 2), 1e-4, 1e-5));
    const auto fixed = make(entry.name, Json{{"num_classes", 7}}, {5, 1});
    nn::initialise(*fixed, 0);
    fixed->eval();
    CHECK((*fixed)(torch::randn({1, 1, 40, 40})).size(1) == 7);
  }
}

TEST_CASE("an interceptor sees every layer of every model exactly once in a pass", "[models]") {
  torch::NoGradGuard no_grad;
  for (const auto& name : models::models().names()) {
    INFO(name);
    const auto model = make(name, Json::object());
    Census census;
    model->intercept({&census});
    (*model)(torch::empty({2, 3, 64, 64}, torch::kMeta));
    const auto layers = model->all_layers();
    CHECK(census.calls.size() == layers.size());
    for (nn::Layer* layer : layers) {
      INFO(layer->path());
      CHECK(census.calls[layer] == 1);
    }
    model->intercept({});
    (*model)(torch::empty({2, 3, 64, 64}, torch::kMeta));
    CHECK(census.calls[model.get()] == 1);
  }
}

TEST_CASE("the additions of a residual network are layers with names", "[models]") {
  const auto model = make("resnet18", Json::object());
  CHECK(count_type(*model, "Add") == 8);
  std::vector<std::string> paths;
  for (const nn::Layer* layer : model->all_layers()) paths.push_back(layer->path());
  for (const char* path : {"conv1", "layer1.0.add", "layer4.1.relu2", "layer2.0.downsample.1", "fc"}) {
    INFO(path);
    CHECK(std::count(paths.begin(), paths.end(), path) == 1);
  }
}

TEST_CASE("the small stem keeps the resolution of small images", "[models]") {
  const auto model = make("resnet18", Json{{"stem", "small"}}, {10, 1});
  CHECK(count_type(*model, "MaxPool2d") == 0);
  const auto& conv = first_convolution(*model);
  CHECK(conv.weight.sizes() == torch::IntArrayRef({64, 1, 3, 3}));
  CHECK((*conv.options().stride)[0] == 1);
  const auto imagenet = make("resnet18", Json::object(), {10, 1});
  CHECK(count_type(*imagenet, "MaxPool2d") == 1);
  const auto keys = nn::state_dict(*model), reference = nn::state_dict(*imagenet);
  REQUIRE(keys.size() == reference.size());
  for (std::size_t i = 1; i < keys.size(); ++i) {
    CHECK(keys[i].first == reference[i].first);
    CHECK(keys[i].second.sizes() == reference[i].second.sizes());
  }
}

TEST_CASE("the width of the small network is an option", "[models]") {
  const auto model = make("small_cnn", Json{{"width", 8}}, {10, 3});
  CHECK(first_convolution(*model).weight.sizes() == torch::IntArrayRef({8, 3, 3, 3}));
  CHECK(nn::state_dict(*model).back().second.size(0) == 10);
}

TEST_CASE("batch norms of MobileNetV3 use its eps and momentum", "[models]") {
  int64_t norms = 0;
  const auto model = make("mobilenet_v3_small", Json::object());
  for (nn::Layer* layer : model->all_layers()) {
    if (const auto* norm = dynamic_cast<nn::BatchNorm2d*>(layer)) {
      ++norms;
      CHECK(norm->options().eps == 0.001);
      CHECK(norm->options().momentum == 0.01);
    }
  }
  CHECK(norms == 34);
}
