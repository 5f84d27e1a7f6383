#include <algorithm>
#include <cmath>

#include "base/files.h"
#include "catch.h"
#include "models/parity.h"
#include "nn/layers.h"
#include "quant/calibrate.h"
#include "quant/engine.h"
#include "quant/runner.h"
#include "support.h"

using namespace mlrun;

namespace {

torch::Tensor seeded_images(std::uint64_t seed, int64_t count) {
  torch::manual_seed(seed);
  return torch::randn({count, 3, 64, 64});
}

/// As scripts/fixtures/quant_models.py does.
void set_norms(nn::Layer& model) {
  const torch::NoGradGuard no_gradients;
  std::vector<nn::BatchNorm2d*> norms;
  for (nn::Layer* layer : model.all_layers()) {
    if (auto* norm = dynamic_cast<nn::BatchNorm2d*>(layer)) norms.push_back(norm);
  }
  for (nn::BatchNorm2d* norm : norms) {
    const auto formula = test::formula({norm->weight.size(0)});
    norm->weight.copy_(0.3 + 0.1 * formula);
    norm->bias.copy_(0.2 * formula);
    norm->begin_cumulative();
  }
  model.train();
  model(seeded_images(1, 8));
  for (nn::BatchNorm2d* norm : norms) norm->end_cumulative();
  model.eval();
}

std::string decoded(const std::string& base64) {
  const std::string alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  unsigned bits = 0, have = 0;
  for (const char c : base64) {
    if (c == '=') break;
    bits = bits << 6U | static_cast<unsigned>(alphabet.find(c));
    have += 6;
    if (have >= 8) bytes.push_back(static_cast<char>(bits >> (have -= 8) & 0xFFU));
  }
  return bytes;
}

void check_scale(const quant::Scale& scale, const Json& expected) {
  CHECK(scale.scale == Approx(expected[0].get<double>()).epsilon(1e-6));
  CHECK(scale.zero_point == expected[1].get<int64_t>());
}

/// Every place with an observer upstream is one here, and the other way round.
void check_sites(const quant::Int8Plan& plan, const Json& sites) {
  check_scale(plan.nodes.front().inputs.front(), sites.at("quant"));
  std::size_t met = 1;
  for (const auto& node : plan.nodes) {
    INFO(node.path);
    if (node.op == "pass" || node.op == "hardsigmoid") continue;
    REQUIRE(sites.count(node.path) == 1);
    check_scale(node.output, sites.at(node.path));
    ++met;
  }
  CHECK(met == sites.size());
}

void check_weights(const quant::Int8Plan& plan, const Json& weights) {
  std::size_t met = 0;
  for (const auto& node : plan.nodes) {
    if (!node.weight.defined()) continue;
    INFO(node.path);
    REQUIRE(weights.count(node.path) == 1);
    CHECK(std::abs(node.weight.sum(torch::kLong).item<int64_t>() - weights.at(node.path)[0].get<int64_t>()) <= 2);
    CHECK(node.weight_scale.sum(torch::kDouble).item<double>() ==
          Approx(weights.at(node.path)[1].get<double>()).epsilon(1e-6));
    ++met;
  }
  CHECK(met == weights.size());
}

/// One quantization step on 99.9 % of the elements.
void check_outputs(const torch::Tensor& outputs, const quant::Scale& scale, const std::string& expected) {
  const auto integers = (outputs / scale.scale).round().to(torch::kLong).flatten() + scale.zero_point;
  REQUIRE(static_cast<std::size_t>(integers.numel()) == expected.size());
  int64_t off = 0, equal = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const int64_t difference =
        std::abs(integers[static_cast<int64_t>(i)].item<int64_t>() - static_cast<unsigned char>(expected[i]));
    off += difference > 1;
    equal += difference == 0;
  }
  INFO(equal << " of " << expected.size() << " equal");
  CHECK(static_cast<double>(off) <= 0.001 * static_cast<double>(expected.size()));
  CHECK(static_cast<double>(equal) >= 0.8 * static_cast<double>(expected.size()));
  CHECK(integers.min().item<int64_t>() < integers.max().item<int64_t>());
}

void check_case(const Json& expected) {
  const std::string name = expected.at("model");
  const bool reduced = expected.at("reduce_range");
  INFO(name << " " << expected.at("observer") << (reduced ? ", reduced range" : ""));
  const auto model = test::make_model(name);
  nn::initialise(*model, 0);
  set_norms(*model);
  quant::QuantizeOptions options;
  options.engine = "onednn";
  options.reduce_range = reduced;
  options.observer = expected.at("observer");
  quant::Calibrator calibrator(*model, seeded_images(2, 1), options);
  for (const std::uint64_t seed : {2, 3}) calibrator.observe(seeded_images(seed, 4));
  const quant::Int8Plan plan = calibrator.plan();
  CHECK(plan.float_layers.empty());
  check_sites(plan, expected.at("sites"));
  check_weights(plan, expected.at("weights"));
  const auto engines = quant::int8_engines();
  if (std::find(engines.begin(), engines.end(), "onednn") == engines.end()) return;
  if (!reduced && !quant::saturates("onednn")) return;  // the fixture's sums did
  quant::attach_int8(*model, plan, "test");
  const torch::NoGradGuard no_gradients;
  check_outputs((*model)(seeded_images(4, 4)), plan.nodes.back().output, decoded(expected.at("outputs")));
}

void check_cases(const std::vector<std::string>& models) {
  int64_t checked = 0;
  for (const Json& expected : Json::parse(read_file(test::fixture("quant/models.json")))) {
    if (std::find(models.begin(), models.end(), expected.at("model").get<std::string>()) == models.end()) continue;
    check_case(expected);
    ++checked;
  }
  CHECK(checked > 0);
}

}  // namespace

TEST_CASE("int8 models are torch.ao's: scales, zero points, weights and outputs", "[quant]") {
  check_cases({"mobilenet_v3_large", "mobilenet_v2", "resnet18", "shufflenet_v2_x0_5"});
}

TEST_CASE("the larger int8 models are torch.ao's too", "[.][quant-full]") {
  check_cases({"resnet50", "resnext50_32x4d"});
}
