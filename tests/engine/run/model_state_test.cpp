#include "engine/run/model_state.h"

#include <torch/types.h>
#include <torch/utils.h>

#include "nn/layers.h"
#include "support.h"

using namespace mlrun;
using namespace mlrun::engine;

namespace {

Models named_models(const std::vector<std::string>& names, std::uint64_t seed) {
  Models list;
  for (const auto& name : names) {
    auto layer = std::make_shared<nn::Linear>(3, 2);
    nn::name_layers(*layer);
    nn::initialise(*layer, seed++);
    list.emplace_back(name, layer);
  }
  return list;
}

}  // namespace

TEST_CASE("one model's tensors have upstream's names, several models' are prefixed", "[engine]") {
  const auto one = model_tensors(named_models({"model"}, 1));
  REQUIRE(one.size() == 2);
  CHECK(one[0].first == "weight");
  CHECK(one[1].first == "bias");
  const auto two = model_tensors(named_models({"generator", "discriminator"}, 1));
  REQUIRE(two.size() == 4);
  CHECK(two[0].first == "generator.weight");
  CHECK(two[3].first == "discriminator.bias");
}

TEST_CASE("the weights of several models are drawn from one stream", "[engine]") {
  const Models models = named_models({"generator", "discriminator"}, 1);
  draw_weights(models, 5);
  nn::Linear first(3, 2), second(3, 2);
  torch::manual_seed(5);
  first.reset();
  second.reset();
  CHECK(torch::equal(models[0].second->parameters()[0], first.weight));
  CHECK(torch::equal(models[1].second->parameters()[0], second.weight));
  CHECK_FALSE(torch::equal(first.weight, second.weight));
}

TEST_CASE("tensors are copied into the models they are named for", "[engine]") {
  for (const auto& names : std::vector<std::vector<std::string>>{{"model"}, {"generator", "discriminator"}}) {
    const Models from = named_models(names, 1), to = named_models(names, 50);
    load_model_tensors(to, model_tensors(from), "f");
    const auto a = model_tensors(from), b = model_tensors(to);
    for (std::size_t i = 0; i < a.size(); ++i) CHECK(a[i].second.equal(b[i].second));
    CHECK_FALSE(a[0].second.is_alias_of(b[0].second));
  }
}

TEST_CASE("missing, unexpected and mis-shaped names are refused", "[engine]") {
  auto tensors = model_tensors(named_models({"model"}, 1));
  tensors[0].second = torch::zeros({2, 4});
  tensors[1].first = "offset";
  const std::string error =
      test::user_error([&] { load_model_tensors(named_models({"model"}, 1), tensors, "w.safetensors"); });
  for (const char* part : {"w.safetensors", "weight", "offset", "bias"}) CHECK(error.find(part) != std::string::npos);

  auto pair = model_tensors(named_models({"generator", "discriminator"}, 1));
  pair.emplace_back("critic.weight", torch::zeros({2, 3}));
  CHECK(test::user_error([&] {
          load_model_tensors(named_models({"generator", "discriminator"}, 1), pair, "w.safetensors");
        }).find("critic.weight") != std::string::npos);
}
