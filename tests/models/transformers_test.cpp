// What the transformers of the zoo do beyond parity: sizes that they take and refuse, options that
// exclude each other, traces, and the windows of Swin.
#include <torch/types.h>
#include <torch/utils.h>

#include <torch/csrc/jit/frontend/tracer.h>

#include <set>

#include "base/error.h"
#include "models/parity.h"
#include "models/swin_attention.h"
#include "nn/branches.h"
#include "support.h"

using namespace mlrun;

namespace {

std::shared_ptr<nn::Layer> drawn(const std::string& name, const Json& options, const models::ModelRequest& request) {
  auto model = test::make_model(name, options, request);
  nn::initialise(*model, 0);
  test::stir(*model, Json{{"stir", true}});
  model->eval();
  return model;
}

/// What the rules of `name` say of these options.
std::vector<std::string> broken_rules(const std::string& name, const Json& options) {
  const config::Component component = models::models().defaults(name);
  const config::Spec& spec = *models::models().at(name).options;
  for (const auto& [key, value] : options.items()) spec.find(key)->set(component.options.get(), value);
  std::vector<std::string> said;
  for (const auto& rule : spec.rules) {
    const std::string text = rule.broken(component.options.get());
    if (!text.empty()) said.push_back(rule.key + ": " + text);
  }
  return said;
}

using Said = std::vector<std::string>;

}  // namespace

TEST_CASE("transformers of a fixed image size refuse another", "[models]") {
  torch::NoGradGuard no_grad;
  const auto vit = drawn("vit_b_32", Json{{"image_size", 64}}, {5, 1});
  CHECK((*vit)(torch::zeros({1, 1, 64, 64})).sizes() == torch::IntArrayRef({1, 5}));
  CHECK(test::user_error([&] {
          (*vit)(torch::zeros({1, 1, 64, 96}));
        }) ==
        "vit_b_32 takes images of 64x64 pixels, not 64x96; resize or crop them to that size, or set model.image_size "
        "(a multiple of 32)");
  CHECK_THROWS_AS((*vit)(torch::empty({1, 1, 224, 224}, torch::kMeta)), UserError);
  const auto maxvit = test::make_model("maxvit_t");
  CHECK(test::user_error([&] {
          (*maxvit)(torch::empty({1, 3, 64, 96}, torch::kMeta));
        }) ==
        "maxvit_t takes images of 224x224 pixels, not 64x96; resize or crop them to that size, or set "
        "model.input_size (224, 448, ...)");
  const auto large = test::make_model("maxvit_t", Json{{"input_size", {448}}});
  CHECK((*large)(torch::empty({2, 3, 448, 448}, torch::kMeta)).sizes() == torch::IntArrayRef({2, 1000}));
  for (const char* name : {"vit_b_16", "vit_h_14", "maxvit_t"}) {
    CHECK(models::models().at(name).facts.at("fixed_size") == true);
  }
}

TEST_CASE("options of transformers that do not fit together are refused", "[models]") {
  CHECK(broken_rules("vit_b_16", Json::object()).empty());
  CHECK(broken_rules("vit_b_16", {{"image_size", 230}}) ==
        Said{"image_size: 230 is no multiple of 16; for example 224 or 240"});
  CHECK(broken_rules("vit_h_14", {{"image_size", 518}}).empty());
  CHECK(broken_rules("maxvit_t", {{"input_size", {448, 448}}}).empty());
  CHECK(broken_rules("maxvit_t", {{"input_size", {256}}}) ==
        Said{"input_size: block 0 would work on 64x64 tokens, no multiple of 7; for example 224 or 448"});
  CHECK(broken_rules("maxvit_t", {{"input_size", {224, 448}}}) ==
        Said{"input_size: height and width are equal: the grid's attention is square"});
  CHECK(broken_rules("maxvit_t", {{"input_size", Json::array()}}) ==
        Said{"input_size: give one number, or height and width"});
}

TEST_CASE("a vision transformer takes a convolutional stem in place of patches", "[models]") {
  config::Component component = models::models().defaults("vit_b_32");
  const config::Spec& spec = *models::models().at("vit_b_32").options;
  spec.find("image_size")->set(component.options.get(), 64);
  const config::Field& stem = *spec.find("conv_stem_configs");
  const auto broken = [&] {
    std::string text;
    for (const auto& rule : spec.rules) text += rule.broken(component.options.get());
    return text;
  };
  for (const int64_t channels : {8, 16, 24}) {
    void* item = stem.append(component.options.get());
    stem.spec->find("out_channels")->set(item, channels);
    stem.spec->find("stride")->set(item, 4);
  }
  CHECK(broken() == "the stem makes 1x1 tokens of an image, it takes 2x2");
  stem.spec->find("stride")->set(const_cast<void*>(stem.items(component.options.get())[2]), 2);
  CHECK(broken().empty());
  const auto model = models::models().make(component, {4, 3});
  nn::initialise(*model, 0);
  test::stir(*model, Json{{"stir", true}});
  model->eval();
  torch::NoGradGuard no_grad;
  CHECK((*model)(torch::rand({3, 3, 64, 64})).sizes() == torch::IntArrayRef({3, 4}));
  std::set<std::string> keys;
  for (const auto& entry : nn::state_dict(*model)) keys.insert(entry.first);
  CHECK(keys.count("conv_proj.conv_bn_relu_2.1.running_var") == 1);
  CHECK(keys.count("conv_proj.conv_last.weight") == 1);
  stem.spec->find("kernel_size")->set(const_cast<void*>(stem.items(component.options.get())[0]), 4);
  CHECK(broken() == "kernels have an odd size");
}

TEST_CASE("what is traced with two images runs with one and three", "[models]") {
  torch::NoGradGuard no_grad;
  const std::pair<const char*, Json> small[] = {{"convnext_tiny", Json::object()},
                                                {"vit_b_32", {{"image_size", 64}}},
                                                {"swin_t", Json::object()},
                                                {"swin_v2_t", Json::object()},
                                                {"maxvit_t", Json::object()}};
  for (const auto& [name, options] : small) {
    INFO(name);
    const auto model = drawn(name, options, {5, 3});
    const int64_t size = std::string(name) == "maxvit_t" ? 224 : 64;
    for (auto& parameter : model->parameters()) parameter.requires_grad_(false);
    auto traced = torch::jit::tracer::trace(
        {torch::rand({2, 3, size, size})},
        [&model = model](torch::jit::Stack inputs) -> torch::jit::Stack { return {(*model)(inputs.at(0).toTensor())}; },
        [](const torch::autograd::Variable&) { return ""; });
    torch::jit::GraphFunction function("forward", traced.first->graph, nullptr);
    for (const int64_t batch : {1, 3}) {
      const auto x = torch::rand({batch, 3, size, size});
      const auto expected = (*model)(x);
      torch::jit::Stack stack{x};
      function.run(stack);
      const auto y = stack.at(0).toTensor();
      REQUIRE(y.sizes() == expected.sizes());
      CHECK(torch::allclose(y, expected, 1e-4, 1e-5 * expected.abs().max().item<double>()));
    }
  }
}

TEST_CASE("Swin lays its windows over images of any size", "[models]") {
  const models::WindowPlan even(7, 3, torch::empty({1, 56, 14, 8}));
  CHECK_FALSE(even.padded());
  CHECK(even.rows == 8);
  CHECK(even.columns == 2);
  CHECK(even.shift_h == 3);
  CHECK(even.shift_w == 3);
  const models::WindowPlan odd(7, 3, torch::empty({1, 5, 8, 8}));
  CHECK(odd.padded());
  CHECK(odd.padded_h == 7);
  CHECK(odd.padded_w == 14);
  CHECK(odd.shift_h == 0);  // one window covers this axis
  CHECK(odd.shift_w == 3);
  CHECK(odd.shifted());
  const auto index = models::relative_position_index(2);
  CHECK(
      torch::equal(index, torch::tensor({4, 3, 1, 0, 5, 4, 2, 1, 7, 6, 4, 3, 8, 7, 5, 4}, torch::kLong).view({4, 4})));
}

TEST_CASE("tokens that a shift makes neighbours do not see each other", "[models]") {
  torch::NoGradGuard no_grad;
  models::WindowAttention attention({.channels = 4, .heads = 2, .window = 4, .shift = 2});
  nn::name_layers(attention);
  nn::initialise(attention, 0);
  attention.eval();
  const auto x = torch::randn({1, 8, 8, 4});
  auto changed = x.clone();
  changed.slice(1, 0, 2).add_(1);  // the first two rows share a window with the last two
  const auto difference = (attention(changed) - attention(x)).abs();
  CHECK(difference.slice(1, 0, 2).max().item<double>() > 1e-4);
  CHECK(difference.slice(1, 6, 8).max().item<double>() == 0);
  CHECK(difference.slice(1, 2, 6).max().item<double>() == 0);
}

TEST_CASE("the keys of Swin V2 have no bias, whatever the weights say", "[models]") {
  torch::NoGradGuard no_grad;
  models::WindowAttention attention({.channels = 4, .heads = 2, .window = 4, .v2 = true});
  nn::initialise(attention, 0);
  attention.eval();
  const auto x = torch::randn({1, 4, 4, 4});
  const auto y = attention(x);
  torch::Tensor bias = attention.named_parameters()["qkv.bias"];
  bias.slice(0, 4, 8).fill_(5);
  CHECK(torch::equal(attention(x), y));
  bias.slice(0, 0, 4).fill_(5);
  CHECK_FALSE(torch::equal(attention(x), y));
}

TEST_CASE("dropout of Swin's attention ends with training", "[models]") {
  torch::NoGradGuard no_grad;
  models::WindowAttention attention({.channels = 4, .heads = 2, .window = 4, .dropout = 0.5, .attention_dropout = 0.5});
  nn::initialise(attention, 0);
  const auto x = torch::randn({1, 4, 4, 4});
  CHECK_FALSE(torch::equal(attention(x), attention(x)));
  attention.eval();
  CHECK(torch::equal(attention(x), attention(x)));
}

TEST_CASE("stochastic depth rises linearly over the blocks", "[models]") {
  const auto probabilities = [](const std::string& name, const Json& options) {
    std::vector<double> all;
    const auto model = test::make_model(name, options);
    for (nn::Layer* layer : model->all_layers()) {
      if (const auto* depth = dynamic_cast<nn::StochasticDepth*>(layer)) all.push_back(depth->probability());
    }
    return all;
  };
  const auto convnext = probabilities("convnext_tiny", Json::object());
  REQUIRE(convnext.size() == 18);
  CHECK(convnext[0] == 0);
  CHECK(convnext[1] == Approx(0.1 / 17));
  CHECK(convnext[17] == Approx(0.1));
  CHECK(probabilities("swin_s", Json::object()).back() == Approx(0.3));
  CHECK(probabilities("swin_s", {{"stochastic_depth_prob", 0.05}}).back() == Approx(0.05));
  CHECK(probabilities("maxvit_t", Json::object()).back() == Approx(0.2));
}
