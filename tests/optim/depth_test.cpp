#include "optim/depth.h"

#include <set>

#include "catch.h"
#include "models/classifiers.h"
#include "nn/layers.h"

using namespace mlrun;

namespace {

std::shared_ptr<nn::Layer> model_named(const std::string& name) {
  return models::models().make(models::models().defaults(name), {});
}

struct DepthCase {
  const char* model;
  std::int64_t head;  ///< the number of blocks and the stem
  std::map<std::string, std::int64_t> some;
};

}  // namespace

TEST_CASE("blocks are counted from the stem to the head", "[optim]") {
  // The heads' depths are what timm's group_matcher gives these architectures: blocks + 1.
  const std::vector<DepthCase> cases = {
      {"vit_b_32",
       13,
       {{"class_token", 0},
        {"conv_proj.weight", 0},
        {"encoder.pos_embedding", 0},
        {"encoder.layers.encoder_layer_0.ln_1.weight", 1},
        {"encoder.layers.encoder_layer_11.mlp.0.weight", 12},
        {"encoder.ln.weight", 12},
        {"heads.head.bias", 13}}},
      {"resnet50",
       17,
       {{"conv1.weight", 0},
        {"bn1.weight", 0},
        {"layer1.0.conv1.weight", 1},
        {"layer1.0.downsample.0.weight", 1},
        {"layer2.0.conv1.weight", 4},
        {"layer4.2.bn3.bias", 16},
        {"fc.weight", 17}}},
      {"mobilenet_v3_large",
       16,
       {{"features.0.0.weight", 0},
        {"features.1.block.0.0.weight", 1},
        {"features.16.0.weight", 15},
        {"classifier.0.weight", 16},
        {"classifier.3.bias", 16}}},
      {"swin_t",
       13,
       {{"features.0.0.weight", 0},
        {"features.0.2.weight", 0},
        {"features.1.1.norm1.weight", 2},
        {"features.2.reduction.weight", 3},
        {"features.3.0.norm1.weight", 3},
        {"norm.weight", 12},
        {"head.weight", 13}}},
      {"convnext_tiny",
       19,
       {{"features.0.1.weight", 0},
        {"features.1.0.layer_scale", 1},
        {"features.2.1.weight", 4},
        {"features.3.0.block.0.weight", 4},
        {"classifier.0.weight", 19},
        {"classifier.2.weight", 19}}},
      {"vgg11_bn",
       8,
       {{"features.0.weight", 0},
        {"features.1.weight", 0},
        {"features.4.weight", 1},
        {"features.5.bias", 1},
        {"features.25.weight", 7},
        {"features.26.weight", 7},
        {"classifier.0.weight", 8}}},
      {"squeezenet1_1", 9, {{"features.0.weight", 0}, {"features.3.squeeze.weight", 1}, {"classifier.1.bias", 9}}},
      {"googlenet", 10, {{"conv1.conv.weight", 0}, {"inception3a.branch1.conv.weight", 1}, {"aux1.fc1.weight", 10}}},
  };
  for (const auto& expected : cases) {
    INFO(expected.model);
    const auto depths = optim::layer_depths(*model_named(expected.model));
    CHECK(depths.head == expected.head);
    for (const auto& [name, depth] : expected.some) {
      INFO(name);
      REQUIRE(depths.of.count(name) == 1);
      CHECK(depths.of.at(name) == depth);
    }
  }
}

TEST_CASE("a model that names no heads ends in its last layer with weights", "[optim]") {
  nn::Sequential model("Plain");
  model.push("stem", std::make_shared<nn::Linear>(3, 4));
  model.push("middle", std::make_shared<nn::Linear>(4, 4));
  model.push("norm", std::make_shared<nn::BatchNorm1d>(4));
  model.push("last", std::make_shared<nn::Linear>(4, 2));
  nn::name_layers(model);
  const auto depths = optim::layer_depths(model);
  CHECK(depths.head == 2);
  CHECK(depths.of.at("stem.weight") == 0);
  CHECK(depths.of.at("middle.weight") == 1);
  CHECK(depths.of.at("norm.bias") == 1);
  CHECK(depths.of.at("last.bias") == 2);
}

TEST_CASE("every parameter of every architecture has a depth, and every depth a parameter", "[optim]") {
  for (const auto& name : test::classifiers()) {
    INFO(name);
    const auto facts = models::model_facts(name);
    if (facts.params > 60'000'000) continue;  // their families' smaller members stand for them
    const auto model = model_named(name);
    const auto depths = optim::layer_depths(*model);
    std::set<std::int64_t> seen;
    for (const auto& item : model->named_parameters()) {
      REQUIRE(depths.of.count(item.key()) == 1);
      seen.insert(depths.of.at(item.key()));
    }
    CHECK(depths.of.size() == model->named_parameters().size());
    CHECK(*seen.begin() == 0);
    CHECK(*seen.rbegin() == depths.head);
    CHECK(static_cast<std::int64_t>(seen.size()) == depths.head + 1);
    CHECK(depths.head >= 4);
  }
}
