#include "engine/train/freeze.h"

#include <torch/types.h>

#include "engine/train/training.h"
#include "nn/layers.h"
#include "weights/safetensors.h"

using namespace mlrun;
using namespace mlrun::engine;
using namespace mlrun::test;

namespace {

Models tiny_models() {
  auto model = std::make_shared<nn::Sequential>();
  auto stage = std::make_shared<nn::Sequential>();
  stage->push("conv", std::make_shared<nn::Conv2d>(nn::Conv2dOptions{.in = 1, .out = 2, .bias = false}));
  stage->push("norm", std::make_shared<nn::BatchNorm2d>(2));
  model->push("stage1", stage);
  model->push("norm2", std::make_shared<nn::BatchNorm2d>(2));
  model->push("head", std::make_shared<nn::Conv2d>(nn::Conv2dOptions{.in = 2, .out = 3}));
  nn::name_layers(*model);
  nn::initialise(*model, 0);
  return {{"model", model}};
}

std::vector<std::string> trainable(const Models& models) {
  std::vector<std::string> names;
  for (const auto& item : models.front().second->named_parameters()) {
    if (item.value().requires_grad()) names.push_back(item.key());
  }
  return names;
}

std::string problem(const std::vector<std::string>& patterns) {
  return user_error([&] { FrozenStages(tiny_models(), patterns); });
}

}  // namespace

TEST_CASE("frozen parameters need no gradient", "[engine]") {
  const Models models = tiny_models();
  const FrozenStages none(models, {});
  CHECK(none.parameters() == 0);
  CHECK(trainable(models).size() == 7);
  const FrozenStages frozen(models, {"stage1", "*.bias"});
  CHECK(trainable(models) == std::vector<std::string>{"norm2.weight", "head.weight"});
  CHECK(frozen.parameters() == 2 + 2 + 2 + 2 + 3);
}

TEST_CASE("batch norms run in evaluation mode where all their parameters are frozen", "[engine]") {
  const Models models = tiny_models();
  const FrozenStages frozen(models, {"stage1.*", "norm2.bias"});
  models.front().second->eval();
  frozen.train(models);
  for (nn::Layer* layer : models.front().second->all_layers()) {
    INFO(layer->path());
    CHECK(layer->is_training() == (layer->path() != "stage1.norm"));
  }
  const torch::Tensor input = torch::arange(8, torch::kFloat).reshape({2, 1, 2, 2});
  const auto before = nn::state_dict(*models.front().second);
  std::vector<torch::Tensor> copies;
  for (const auto& item : before) copies.push_back(item.second.detach().clone());
  (*models.front().second)(input).sum().backward();
  for (std::size_t i = 0; i < before.size(); ++i) {
    INFO(before[i].first);
    const bool counted =
        before[i].first.rfind("norm2.running", 0) == 0 || before[i].first == "norm2.num_batches_tracked";
    CHECK(torch::equal(before[i].second, copies[i]) == !counted);
  }
  for (const auto& item : models.front().second->named_parameters()) {
    CHECK(item.value().grad().defined() == item.value().requires_grad());
  }
}

TEST_CASE("what cannot be frozen is told", "[engine]") {
  CHECK(problem({"stage1", "stage2.*"}) ==
        "model.freeze.1: 'stage2.*' matches no parameter of the model; did you mean stage1?");
  CHECK(problem({"zebra"}) ==
        "model.freeze.0: 'zebra' matches no parameter of the model; `mlrun inspect --model NAME` shows the layers");
  CHECK(problem({"*.running_mean"}).rfind("model.freeze.0: '*.running_mean' matches no parameter", 0) == 0);
  CHECK(problem({"*"}) == "model.freeze: leaves no parameter to train; freeze fewer stages");
}

TEST_CASE("several models are told apart by their names", "[engine]") {
  Models models = tiny_models();
  models.emplace_back("critic", tiny_models().front().second);
  models.front().first = "maker";
  const FrozenStages frozen(models, {"maker.stage1", "critic.head"});
  CHECK(trainable({models[0]}) == std::vector<std::string>{"norm2.weight", "norm2.bias", "head.weight", "head.bias"});
  CHECK(trainable({models[1]}).size() == 5);
}

TEST_CASE("training leaves frozen stages as they are, to the byte", "[engine]") {
  const TempDir folder;
  const auto initial = tiny({"train.epochs=1"});
  train_in(folder / "a", initial);
  const std::string file = (folder / "a" / "checkpoints/last/model.safetensors").string();
  const auto before = weights::read_safetensors(file);
  const auto after_of = [&](const std::string& name, const std::vector<std::string>& overrides) {
    std::vector<std::string> all = {"model.weights=" + file, "model.freeze=[stage1, stage2]",
                                    "optimizer.weight_decay=0.1"};
    all.insert(all.end(), overrides.begin(), overrides.end());
    train_in(folder / name, tiny(all));
    return weights::read_safetensors(folder / name / "checkpoints/last/model.safetensors");
  };
  const auto check_frozen = [&](const weights::Safetensors& after) {
    REQUIRE(after.tensors.size() == before.tensors.size());
    for (std::size_t i = 0; i < after.tensors.size(); ++i) {
      const auto& [name, tensor] = after.tensors[i];
      INFO(name);
      const bool frozen = name.rfind("stage1.", 0) == 0 || name.rfind("stage2.", 0) == 0;
      CHECK(torch::equal(tensor, before.tensors[i].second) == frozen);
    }
  };
  check_frozen(after_of("b", {}));
  check_frozen(after_of("c", {"optimizer.name=adamw", "optimizer.lr=0.01", "train.clip_grad_norm=1"}));
}
