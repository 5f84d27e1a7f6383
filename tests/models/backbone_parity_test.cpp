// Parity of backbones with torchvision: what its detectors and segmenters stand on. One fixture a case
// (scripts/fixtures/backbones.py).
#include <torch/types.h>
#include <torch/utils.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "base/files.h"
#include "models/backbone.h"
#include "models/parity.h"
#include "support.h"

using namespace mlrun;

namespace {

std::vector<std::string> backbone_cases() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(test::fixture("models/backbones"))) {
    names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

models::Backbone backbone_of(const Json& expected) {
  auto options = test::options_of<models::BackboneOptions>(expected.at("options"));
  options.levels = expected.at("levels").get<std::vector<std::string>>();
  return models::make_backbone(expected.at("model").get<std::string>(), options);
}

torch::Tensor images_of(const Json& expected) {
  const auto size = expected.at("size").get<std::vector<int64_t>>();
  return test::formula({2, 3, size[0], size[1]}).to(torch::kFloat);
}

void check_keys_and_bits(nn::Layer& body, const Json& expected) {
  nn::initialise(body, 0);
  const auto following = torch::rand({1}).item<double>();
  const test::State state = nn::state_dict(body);
  const std::string text = test::described(state);
  INFO(text);
  REQUIRE(state.size() == expected.at("entries").get<std::size_t>());
  CHECK(sha256(text.data(), text.size()) == expected.at("state").get<std::string>());
  for (std::size_t i = 0; i < state.size(); ++i) {
    INFO(state[i].first);
    REQUIRE(test::digest(state[i].second).substr(0, 8) == expected.at("tensors")[i].get<std::string>());
  }
  CHECK(test::digest(state) == expected.at("initial").get<std::string>());
  // Upstream draws the classifier's head too: whatever is drawn next begins behind it.
  CHECK(following == expected.at("following").get<double>());
}

/// Moves statistics and frozen norms, as the script does.
void stir_norms(nn::Layer& body, const Json& expected) {
  if (!expected.at("stirred").get<bool>()) return;
  const torch::NoGradGuard no_grad;
  for (auto& item : body.named_buffers()) {
    const std::string name = item.key().substr(item.key().rfind('.') + 1);
    const auto values = test::formula({item.value().numel()});
    if (name == "running_mean" || name == "bias") item.value().copy_(values * 0.2);
    if (name == "running_var" || name == "weight") item.value().copy_(values + 1);
  }
}

void check_levels(models::Backbone& backbone, const Json& expected) {
  const torch::NoGradGuard no_grad;
  nn::initialise(*backbone.body, 1);
  stir_norms(*backbone.body, expected);
  backbone.body->eval();
  const nn::Tensors outputs = backbone.body->run({images_of(expected)});
  const Json& levels = expected.at("evaluation");
  REQUIRE(outputs.size() == levels.size());
  REQUIRE(backbone.levels.size() == levels.size());
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    INFO(backbone.levels[i].name);
    CHECK(backbone.levels[i].name == levels[i].at("name").get<std::string>());
    CHECK(backbone.body->interface().outputs[i].name == backbone.levels[i].name);
    REQUIRE(outputs[i].sizes().vec() == levels[i].at("shape").get<std::vector<int64_t>>());
    CHECK(backbone.levels[i].channels == outputs[i].size(1));
    CHECK(backbone.levels[i].stride == 64 / outputs[i].size(2));
    const auto largest = levels[i].at("largest").get<double>();
    const double tolerance = 1e-5 * largest;
    CHECK(std::abs(outputs[i].abs().max().item<double>() - largest) <= tolerance);
    const auto first = levels[i].at("first").get<std::vector<double>>();
    const auto values = outputs[i].flatten();
    for (std::size_t n = 0; n < first.size(); ++n) {
      CHECK(std::abs(values[static_cast<int64_t>(n)].item<double>() - first[n]) <= tolerance);
    }
    const double spread = tolerance * std::sqrt(static_cast<double>(values.numel()));
    CHECK(std::abs(test::projection(outputs[i]) - levels[i].at("projection").get<double>()) <= spread);
  }
}

/// Gradients reach what upstream lets train, and nothing else; a step in float64 moves the statistics that it moves.
void check_step(nn::Layer& body, const Json& expected) {
  const Json& step = expected.at("training");
  nn::initialise(body, 0);
  stir_norms(body, expected);
  test::widen(body);
  body.train();
  torch::Tensor loss = torch::zeros({}, torch::kDouble);
  for (const auto& level : body.run({images_of(expected).to(torch::kDouble)})) loss = loss + level.square().mean();
  loss.backward();
  CHECK(loss.item<double>() == Approx(step.at("loss").get<double>()).epsilon(1e-9));
  const double tolerance = 1e-7 * step.at("largest_gradient").get<double>();
  for (const auto& item : body.named_parameters()) {
    INFO(item.key());
    REQUIRE(item.value().grad().defined() == step.at("gradients").contains(item.key()));
    if (!item.value().grad().defined()) continue;
    const Json& figures = step.at("gradients").at(item.key());
    const double spread = tolerance * std::sqrt(static_cast<double>(item.value().numel()));
    CHECK(std::abs(item.value().grad().norm().item<double>() - figures[0].get<double>()) <= spread);
    CHECK(std::abs(test::projection(item.value().grad()) - figures[1].get<double>()) <= spread);
  }
  const auto buffers = body.buffers();
  REQUIRE(buffers.size() == step.at("buffers").size());
  for (std::size_t i = 0; i < buffers.size(); ++i) {
    CHECK(test::projection(buffers[i]) == Approx(step.at("buffers")[i].get<double>()).epsilon(1e-7).margin(1e-7));
  }
}

}  // namespace

// One section a case: `mlrun_tests "backbones equal*" -c resnet50_detector` runs one.
TEST_CASE("backbones equal torchvision's: keys, initial bits, levels, a training step", "[models]") {
  for (const std::string& name : backbone_cases()) {
    DYNAMIC_SECTION(name) {
      const Json expected = Json::parse(read_file(test::fixture("models/backbones/" + name + ".json")));
      models::Backbone backbone = backbone_of(expected);
      check_keys_and_bits(*backbone.body, expected);
      check_levels(backbone, expected);
      if (expected.contains("training")) check_step(*backbone.body, expected);
    }
  }
}
