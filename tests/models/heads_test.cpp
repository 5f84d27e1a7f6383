#include "models/heads.h"

#include <torch/types.h>

#include <algorithm>
#include <map>

#include "models/classifiers.h"
#include "nn/layers.h"
#include "support.h"

using namespace mlrun;
using namespace mlrun::models;

namespace {

std::shared_ptr<nn::Layer> made(const std::string& name, std::int64_t classes) {
  const Json& facts = models::models().at(name).facts;
  return models::models().make(models::models().defaults(name), {classes, facts.value("channels", std::int64_t{3})});
}

}  // namespace

TEST_CASE("the head of every classifier puts out the classes", "[models]") {
  constexpr std::int64_t kClasses = 7;  // no other layer has as many outputs
  for (const auto& name : test::classifiers()) {
    INFO(name);
    const auto model = made(name, kClasses);
    REQUIRE_FALSE(model->heads().empty());
    const auto layers = model->all_layers();
    for (const auto& head : model->heads()) {
      CHECK(std::count_if(layers.begin(), layers.end(), [&](const nn::Layer* l) { return l->path() == head; }) == 1);
    }
    const auto heads = head_layers(*model);
    REQUIRE_FALSE(heads.empty());
    for (const auto& [key, tensor] : nn::state_dict(*model)) {
      const bool classes = tensor.dim() > 0 && tensor.size(0) == kClasses;
      INFO(key);
      CHECK(in_head(heads, key) == classes);
    }
  }
}

TEST_CASE("the heads of every segmenter put out the classes, norms behind them included", "[models][segmentation]") {
  constexpr std::int64_t kClasses = 7;
  for (const auto& name : test::models_of("segmentation")) {
    INFO(name);
    const auto model = made(name, kClasses);
    const auto heads = head_layers(*model);
    for (const auto& [key, tensor] : nn::state_dict(*model)) {
      if (tensor.dim() == 0) continue;
      INFO(key);
      CHECK(in_head(heads, key) == (tensor.size(0) == kClasses));
    }
  }
  CHECK(head_layers(*made("mosaic", 5)) ==
        std::vector<std::string>{"head.concat_merge.project.0", "head.concat_merge.project.1",
                                 "head.sum_merge.project.0", "head.sum_merge.project.1"});
}

TEST_CASE("heads are what a model calls so, else its last layer with weights", "[models]") {
  CHECK(head_layers(*made("resnet18", 64)) == std::vector<std::string>{"fc"});  // as many outputs as conv1
  CHECK(head_layers(*made("mobilenet_v3_small", 10)) == std::vector<std::string>{"classifier.3"});
  const std::map<std::string, std::vector<std::string>> others = {
      {"squeezenet1_1", {"classifier.1"}},      {"googlenet", {"aux1.fc2", "aux2.fc2", "fc"}},
      {"inception_v3", {"AuxLogits.fc", "fc"}}, {"vit_b_32", {"heads.head"}},
      {"densenet121", {"classifier"}},          {"vgg11", {"classifier.6"}}};
  for (const auto& [name, heads] : others) {
    if (models::models().find(name) == nullptr) continue;
    INFO(name);
    CHECK(head_layers(*made(name, 10)) == heads);
  }
  nn::Sequential plain;
  plain.push("first", std::make_shared<nn::Linear>(2, 3));
  plain.push("norm", std::make_shared<nn::BatchNorm1d>(3));
  plain.push("last", std::make_shared<nn::Linear>(3, 1));
  plain.push("end", std::make_shared<nn::BatchNorm1d>(1));
  nn::name_layers(plain);
  CHECK(plain.heads().empty());
  CHECK(head_layers(plain) == std::vector<std::string>{"last"});
  nn::Flatten without;
  CHECK(head_layers(without).empty());
}

TEST_CASE("a name is in a head only below its layer", "[models]") {
  CHECK(in_head({"fc"}, "fc.weight"));
  CHECK_FALSE(in_head({"fc"}, "fc2.weight"));
  CHECK_FALSE(in_head({"fc"}, "layer.fc.weight"));
  CHECK_FALSE(in_head({}, "fc.weight"));
}
