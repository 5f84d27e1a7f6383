#include "models/registry.h"

#include <torch/types.h>
#include <torch/utils.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "models/classifiers.h"
#include "models/detection/detector.h"
#include "models/parity.h"
#include "models/published.h"
#include "nn/layers.h"
#include "support.h"

using namespace mlrun;

namespace {

/// Images are [batch, channels, height, width], without numbers.
torch::Tensor blank(std::vector<int64_t> shape) { return torch::empty(shape, torch::kMeta); }

/// Of the tensors at the ports; masks and keypoints come after what every detector has.
std::vector<std::string> first_names(const std::vector<nn::Port>& ports, std::size_t count) {
  auto names = nn::tensor_names(ports);
  names.resize(std::min(names.size(), count));
  return names;
}

/// Models that are made for one size of images.
bool has_fixed_size(const std::string& name) { return models::models().at(name).facts.value("fixed_size", false); }

/// Counts the calls of each layer.
class Census : public nn::Interceptor {
 public:
  nn::Tensors around(nn::Layer& layer, const nn::Tensors& inputs, const Proceed& proceed) override {
    ++calls[&layer];
    return proceed(inputs);
  }
  std::map<nn::Layer*, int> calls;
};

/// Small images that a segmenter takes.
int64_t segmenter_size(const std::string& name) {
  return std::max<int64_t>(64, models::models().at(name).facts.value("min_size", int64_t{1}));
}

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
  const Row rows[] = {
      {"resnet18", 11689512, 1.814},         {"resnet34", 21797672, 3.664},   {"resnet50", 25557032, 4.089},
      {"alexnet", 61100840, 0.714},          {"vgg11", 132863336, 7.609},     {"squeezenet1_0", 1248424, 0.819},
      {"squeezenet1_1", 1235496, 0.349},     {"densenet121", 7978856, 2.834}, {"mobilenet_v3_small", 2542856, 0.057},
      {"mobilenet_v3_large", 5483032, 0.217}};
  for (const Row& row : rows) {
    const models::ModelFacts facts = models::model_facts(row.name);
    INFO(row.name);
    CHECK(facts.params == row.params);
    CHECK(std::abs(static_cast<double>(*facts.macs) / 1e9 - row.gmacs) < 6e-4);
    CHECK(facts.input_size == 224);
  }
  CHECK(models::model_facts("small_cnn").input_size == 28);
  CHECK_THROWS_AS(models::model_facts("resnet19"), UserError);
}

TEST_CASE("default models have as many parameters as their published weights", "[models]") {
  for (const auto& entry : models::models().entries()) {
    if (!entry.facts.contains("weights")) continue;
    INFO(entry.name);
    // GoogLeNet's are published without the auxiliary classifiers that upstream's constructor makes.
    Json options = entry.name == "googlenet" ? Json{{"aux_logits", false}} : Json::object();
    if (entry.facts.contains("pretrained")) options = entry.facts.at("pretrained").at("any");  // as built for weights
    const models::ModelRequest published{entry.facts.at("num_classes").get<int64_t>(), 3};
    const auto params = test::count_parameters(*test::make_model(entry.name, options, published));
    // Of the entry that fits the default options: vit_h_14's first one is for larger images.
    const auto weights = entry.facts.at("metrics").at("weights").get<std::string>();
    CHECK(params == models::published_at(weights, entry.name).params);
  }
}

TEST_CASE("every model says what it is made for", "[models]") {
  for (const auto& entry : models::models().entries()) {
    INFO(entry.name);
    CHECK_FALSE(config::tasks_of(entry).empty());
    CHECK_FALSE(entry.description.empty());
  }
  CHECK(test::classifiers().size() >= 86);
  CHECK(test::models_of("zebras").empty());
}

TEST_CASE("every classifier takes what the data asks for", "[models]") {
  torch::NoGradGuard no_grad;
  for (const auto& name : test::classifiers()) {
    const auto& entry = models::models().at(name);
    INFO(entry.name);
    const auto model = test::make_model(entry.name, Json::object(), {5, 2});
    model->eval();
    const nn::Interface places = model->interface();
    CHECK(places.inputs.size() == 1);
    CHECK(places.outputs.front().name == "output");
    CHECK_FALSE(places.outputs.front().ragged);
    for (std::size_t i = 1; i < places.outputs.size(); ++i) CHECK(places.outputs[i].training_only);
    const auto least = entry.facts.value("min_size", int64_t{1});
    if (has_fixed_size(entry.name)) {
      CHECK((*model)(blank({3, 2, least, least})).sizes() == torch::IntArrayRef({3, 5}));
      const std::string size = std::to_string(least);
      CHECK_THAT(test::user_error([&] {
                   (*model)(blank({3, 2, least + 32, least}));
                 }),
                 Catch::Matchers::ContainsSubstring(size));
    } else {
      CHECK((*model)(blank({3, 2, least, least})).sizes() == torch::IntArrayRef({3, 5}));
      CHECK((*model)(blank({3, 2, least + 5, least + 9})).sizes() == torch::IntArrayRef({3, 5}));
    }
    const auto fixed = test::make_model(entry.name, Json{{"num_classes", 7}}, {5, 1});
    fixed->eval();
    const auto usual = entry.facts.at("input_size").get<int64_t>();
    CHECK((*fixed)(blank({1, 1, usual, usual})).size(1) == 7);
  }
}

TEST_CASE("every segmenter gives each pixel the classes that the data have", "[models][segmentation]") {
  torch::NoGradGuard no_grad;
  REQUIRE(test::models_of("segmentation").size() == 9);
  for (const auto& name : test::models_of("segmentation")) {
    INFO(name);
    const auto model = test::make_model(name, Json::object(), {5, 2});
    model->eval();
    const int64_t least = segmenter_size(name);
    for (const auto& [height, width] : {std::pair<int64_t, int64_t>{least, least}, {least + 6, least + 33}}) {
      CHECK((*model)(blank({3, 2, height, width})).sizes() == torch::IntArrayRef({3, 5, height, width}));
    }
    CHECK(model->interface().outputs.front().name == "out");
    CHECK(models::models().at(name).facts.at("channels") == 3);
  }
}

TEST_CASE("every detector finds what the data have in images of any size, and learns by losses with names",
          "[models][detection]") {
  const torch::NoGradGuard no_grad;
  REQUIRE(test::models_of("detection").size() >= 6);
  for (const auto& name : test::models_of("detection")) {
    INFO(name);
    const auto model = std::dynamic_pointer_cast<models::Detector>(test::make_model(name, Json::object(), {6, 2}));
    REQUIRE(model);
    CHECK(model->input().mean.size() == 3);
    const auto side = models::models().at(name).facts.at("input_size").get<int64_t>();
    CHECK((model->input().fixed_height == side || model->input().min_sizes.back() == side));
    const int64_t rows = 3 * model->settings().detections, divisible = model->input().divisible;
    const bool fixed = model->input().fixed_height > 0;
    const int64_t height = fixed ? side : 4 * divisible, width = fixed ? side : 5 * divisible;
    CHECK(first_names(model->interface().inputs, 6) ==
          std::vector<std::string>{"image", "sizes", "boxes", "boxes_counts", "labels", "labels_counts"});
    const auto losses = model->run({blank({3, 2, height, width})});
    CHECK(losses.size() == model->interface().outputs.size());
    for (const auto& loss : losses) CHECK(loss.dim() == 0);
    model->eval();
    CHECK(nn::tensor_names(model->interface().inputs) == std::vector<std::string>{"image", "sizes"});
    CHECK(first_names(model->interface().outputs, 6) ==
          std::vector<std::string>{"boxes", "boxes_counts", "scores", "scores_counts", "labels", "labels_counts"});
    const auto found = model->run({blank({3, 2, height, width})});
    REQUIRE(found.size() == nn::tensor_count(model->interface().outputs));
    for (std::size_t i = 0; i < found.size(); ++i) CHECK(found[i].size(0) == (i % 2 == 0 ? rows : 3));
    CHECK(found[0].sizes() == torch::IntArrayRef({rows, 4}));
    CHECK(found[1].sizes() == torch::IntArrayRef({3}));
    CHECK(models::model_facts(name).macs.value_or(0) > 100'000'000);
  }
}

TEST_CASE("models refuse images that are too small for them in plain words", "[models]") {
  torch::NoGradGuard no_grad;
  for (const auto& name : test::classifiers()) {
    const auto model = test::make_model(name);
    model->eval();
    for (const int64_t size : {1, 3, 7, 15, 31, 62, 74}) {
      INFO(name << " " << size);
      const std::string pixels = std::to_string(size) + "x" + std::to_string(size);
      std::string said;
      torch::Tensor scores;
      try {
        scores = (*model)(blank({1, 3, size, size}));
      } catch (const UserError& error) {
        said = error.what();
      }
      if (said.empty()) {
        CHECK(scores.sizes() == torch::IntArrayRef({1, 1000}));
        continue;
      }
      const bool fixed = has_fixed_size(name);
      CHECK_THAT(said, Catch::Matchers::StartsWith(fixed ? name + " takes images of "
                                                         : "the images are too small for this model: "));
      if (fixed) CHECK_THAT(said, Catch::Matchers::ContainsSubstring("not " + pixels));
      else
        CHECK_THAT(said, Catch::Matchers::EndsWith("bring them to a larger size in data.augment and data.preprocess"));
    }
  }
  const auto model = test::make_model("vgg11");
  const std::string text =
      "the images are too small for this model: 1x1 pixels are left of them at features.20; bring them to a larger "
      "size in data.augment and data.preprocess";
  CHECK(test::user_error([&] { (*model)(blank({1, 3, 31, 31})); }) == text);
  CHECK(test::user_error([&] { (*model)(torch::zeros({1, 3, 31, 31})); }) == text);
}

TEST_CASE("what one image gets does not depend on its batch", "[models]") {
  torch::NoGradGuard no_grad;
  for (const auto& name : test::classifiers()) {
    const auto model = test::make_model(name, Json::object(), {5, 2});
    const auto size = models::models().at(name).facts.at("input_size").get<int64_t>();
    if (test::count_parameters(*model) > 6'000'000 || has_fixed_size(name)) continue;
    INFO(name);
    nn::initialise(*model, 0);
    model->eval();
    const auto x = test::formula({3, 2, std::min<int64_t>(size, 40), 36}).to(torch::kFloat);
    const auto y = (*model)(x);
    CHECK(torch::allclose((*model)(x.slice(0, 1, 2)), y.slice(0, 1, 2), 1e-4, 1e-5));
  }
}

// Layers may run several times in a pass; those of classifiers happen to run once, and none may be passed by.
TEST_CASE("an interceptor sees every layer of every classifier in a pass", "[models]") {
  torch::NoGradGuard no_grad;
  for (const auto& name : test::classifiers()) {
    INFO(name);
    const auto model = test::make_model(name);
    const auto size = models::models().at(name).facts.at("input_size").get<int64_t>();
    Census census;
    model->intercept({&census});
    (*model)(blank({2, 3, size, size}));
    const auto layers = model->all_layers();
    CHECK(census.calls.size() == layers.size());
    for (nn::Layer* layer : layers) {
      INFO(layer->path());
      CHECK(census.calls[layer] >= 1);
    }
    model->intercept({});
    const auto calls = census.calls;
    (*model)(blank({2, 3, size, size}));
    CHECK(census.calls == calls);
  }
}

TEST_CASE("an interceptor sees all of a segmenter that computes, some of it several times", "[models][segmentation]") {
  torch::NoGradGuard no_grad;
  for (const auto& name : test::models_of("segmentation")) {
    INFO(name);
    const auto model = test::make_model(name);
    Census census;
    model->intercept({&census});
    (*model)(blank({2, 3, segmenter_size(name), segmenter_size(name)}));  // in training, with second heads
    for (nn::Layer* layer : model->all_layers()) {
      INFO(layer->path());
      if (layer->layers().empty()) CHECK(census.calls[layer] >= 1);
    }
    model->intercept({});
  }
}

TEST_CASE("an interceptor sees all of a detector that computes, some of it several times", "[models][detection]") {
  const torch::NoGradGuard no_grad;
  for (const auto& name : test::models_of("detection")) {
    INFO(name);
    const auto model = test::make_model(name);
    model->eval();
    Census census;
    model->intercept({&census});
    const auto size = models::models().at(name).facts.at("input_size").get<int64_t>();
    model->run({blank({1, 3, size, size})});
    for (nn::Layer* layer : model->all_layers()) {
      INFO(layer->path());
      if (layer->layers().empty()) CHECK(census.calls[layer] >= 1);
    }
    model->intercept({});
  }
}

TEST_CASE("the additions of a residual network are layers with names", "[models]") {
  const auto model = test::make_model("resnet18", Json::object());
  CHECK(count_type(*model, "Add") == 8);
  std::vector<std::string> paths;
  for (const nn::Layer* layer : model->all_layers()) paths.push_back(layer->path());
  for (const char* path : {"conv1", "layer1.0.add", "layer4.1.relu2", "layer2.0.downsample.1", "fc"}) {
    INFO(path);
    CHECK(std::count(paths.begin(), paths.end(), path) == 1);
  }
}

TEST_CASE("the small stem keeps the resolution of small images", "[models]") {
  const auto model = test::make_model("resnet18", Json{{"stem", "small"}}, {10, 1});
  CHECK(count_type(*model, "MaxPool2d") == 0);
  const auto& conv = first_convolution(*model);
  CHECK(conv.weight.sizes() == torch::IntArrayRef({64, 1, 3, 3}));
  CHECK((*conv.options().stride)[0] == 1);
  const auto imagenet = test::make_model("resnet18", Json::object(), {10, 1});
  CHECK(count_type(*imagenet, "MaxPool2d") == 1);
  const auto keys = nn::state_dict(*model), reference = nn::state_dict(*imagenet);
  REQUIRE(keys.size() == reference.size());
  for (std::size_t i = 1; i < keys.size(); ++i) {
    CHECK(keys[i].first == reference[i].first);
    CHECK(keys[i].second.sizes() == reference[i].second.sizes());
  }
}

TEST_CASE("the width of the small network is an option", "[models]") {
  const auto model = test::make_model("small_cnn", Json{{"width", 8}}, {10, 3});
  CHECK(first_convolution(*model).weight.sizes() == torch::IntArrayRef({8, 3, 3, 3}));
  CHECK(nn::state_dict(*model).back().second.size(0) == 10);
}

TEST_CASE("batch norms of MobileNetV3 use its eps and momentum", "[models]") {
  int64_t norms = 0;
  const auto model = test::make_model("mobilenet_v3_small", Json::object());
  for (nn::Layer* layer : model->all_layers()) {
    if (const auto* norm = dynamic_cast<nn::BatchNorm2d*>(layer)) {
      ++norms;
      CHECK(norm->options().eps == 0.001);
      CHECK(norm->options().momentum == 0.01);
    }
  }
  CHECK(norms == 34);
}

TEST_CASE("auxiliary classifiers take part in training alone", "[models]") {
  const std::pair<const char*, std::size_t> rows[] = {{"googlenet", 2}, {"inception_v3", 1}};
  for (const auto& [name, auxiliary] : rows) {
    INFO(name);
    const auto model = test::make_model(name, Json::object(), {6, 3});
    const auto input = blank({2, 3, 299, 299});
    const auto outputs = model->run({input});
    REQUIRE(outputs.size() == 1 + auxiliary);
    for (const auto& output : outputs) CHECK(output.sizes() == torch::IntArrayRef({2, 6}));
    model->eval();
    CHECK(model->run({input}).size() == 1);
    const auto plain = test::make_model(name, Json{{"aux_logits", false}}, {6, 3});
    CHECK(plain->run({input}).size() == 1);
    CHECK(nn::state_dict(*plain).size() < nn::state_dict(*model).size());
  }
}

TEST_CASE("transform_input turns ImageNet's normalization into that by one half", "[models]") {
  const auto model = test::make_model("googlenet", Json{{"transform_input", true}});
  CHECK(count_type(*model, "TransformInput") == 1);
  const auto pixels = test::formula({1, 3, 4, 4}).to(torch::kFloat) + 0.5;
  const auto mean = torch::tensor({0.485, 0.456, 0.406}).view({1, 3, 1, 1});
  const auto std = torch::tensor({0.229, 0.224, 0.225}).view({1, 3, 1, 1});
  const auto transformed = (*model->layers().front())((pixels - mean) / std);
  CHECK(torch::allclose(transformed, (pixels - 0.5) / 0.5, 1e-5, 1e-6));
  CHECK(test::user_error([] {
          test::make_model("inception_v3", Json{{"transform_input", true}}, {10, 1});
        }) == "model.transform_input needs images of 3 channels, and these have 1; set model.transform_input to false");
}

TEST_CASE("DenseNet's growth, blocks and widths are options", "[models]") {
  const Json options{{"growth_rate", 8}, {"block_config", {1, 2, 3, 1}}, {"num_init_features", 16}};
  const auto model = test::make_model("densenet161", options);
  CHECK(first_convolution(*model).weight.size(0) == 16);
  CHECK(count_type(*model, "_DenseLayer") == 7);
  // 16 and 8 make 24, halved 12; 16 more 28, halved 14; 24 more 38, halved 19; 8 more 27.
  CHECK(nn::state_dict(*model).at(nn::state_dict(*model).size() - 2).second.sizes() == torch::IntArrayRef({1000, 27}));
  CHECK(count_type(*test::make_model("densenet121", Json{{"drop_rate", 0.2}}), "Dropout") == 58);
}
