#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "base/files.h"
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

/// How close to torch.ao's figures, which were made by one thread. Batch norm's statistics come of a forward pass, so
/// another number of threads or kind of CPU moves single weights by a step, and 50 layers of rounding carry that on.
struct Closeness {
  double scale = 1e-6;  ///< relative
  int64_t zero_point = 0;
  double weights = 2e-5;  ///< of their number, for the difference of their sums; at least 2
  double off = 0.001;     ///< share of the outputs that may be off by more than one quantization step
  double equal = 0.8;     ///< share of the outputs that must be equal
  double mean = 0.5;      ///< mean difference of the outputs in steps
};
constexpr Closeness kSameMachine{};
constexpr Closeness kAnyMachine{.scale = 0.03, .zero_point = 2, .weights = 0.02, .off = 1, .equal = 0, .mean = 16};

void check_scale(const quant::Scale& scale, const Json& expected, const Closeness& close) {
  CHECK(scale.scale == Approx(expected[0].get<double>()).epsilon(close.scale));
  CHECK(std::abs(scale.zero_point - expected[1].get<int64_t>()) <= close.zero_point);
}

/// Every place with an observer upstream is one here, and the other way round.
void check_sites(const quant::Int8Plan& plan, const Json& sites, const Closeness& close) {
  check_scale(plan.nodes.front().inputs.front(), sites.at("quant"), close);
  std::size_t met = 1;
  for (const auto& node : plan.nodes) {
    INFO(node.path);
    if (node.op == "pass" || node.op == "hardsigmoid") continue;
    REQUIRE(sites.count(node.path) == 1);
    check_scale(node.output, sites.at(node.path), close);
    ++met;
  }
  CHECK(met == sites.size());
}

void check_weights(const quant::Int8Plan& plan, const Json& weights, const Closeness& close) {
  std::size_t met = 0;
  for (const auto& node : plan.nodes) {
    if (!node.weight.defined()) continue;
    INFO(node.path);
    REQUIRE(weights.count(node.path) == 1);
    const auto sum = static_cast<double>(node.weight.sum(torch::kLong).item<int64_t>());
    CHECK(std::abs(sum - weights.at(node.path)[0].get<double>()) <=
          std::max(2.0, close.weights * static_cast<double>(node.weight.numel())));
    CHECK(node.weight_scale.sum(torch::kDouble).item<double>() ==
          Approx(weights.at(node.path)[1].get<double>()).epsilon(close.scale));
    ++met;
  }
  CHECK(met == weights.size());
}

void check_outputs(const torch::Tensor& outputs, const quant::Scale& scale, const std::string& expected,
                   const Closeness& close) {
  const auto integers = (outputs / scale.scale).round().to(torch::kLong).flatten() + scale.zero_point;
  REQUIRE(static_cast<std::size_t>(integers.numel()) == expected.size());
  int64_t off = 0, equal = 0, sum = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const int64_t difference =
        std::abs(integers[static_cast<int64_t>(i)].item<int64_t>() - static_cast<unsigned char>(expected[i]));
    off += difference > 1;
    equal += difference == 0;
    sum += difference;
  }
  INFO(equal << " of " << expected.size() << " equal");
  CHECK(static_cast<double>(off) <= close.off * static_cast<double>(expected.size()));
  CHECK(static_cast<double>(equal) >= close.equal * static_cast<double>(expected.size()));
  CHECK(static_cast<double>(sum) <= close.mean * static_cast<double>(expected.size()));
  CHECK(integers.min().item<int64_t>() < integers.max().item<int64_t>());
}

void check_case(const Json& expected, const Closeness& close) {
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
  quant::Calibrator calibrator(*model, {seeded_images(2, 1)}, options);
  for (const std::uint64_t seed : {2, 3}) calibrator.observe({seeded_images(seed, 4)});
  const quant::Int8Plan plan = calibrator.plan();
  CHECK(plan.float_layers.empty());
  check_sites(plan, expected.at("sites"), close);
  check_weights(plan, expected.at("weights"), close);
  const auto engines = quant::int8_engines();
  if (std::find(engines.begin(), engines.end(), "onednn") == engines.end()) return test::skip("no int8 engine onednn");
  if (!reduced) return;  // the fixture's sums overflowed, which ours never do
  quant::attach_int8(*model, plan, "test");
  const torch::NoGradGuard no_gradients;
  check_outputs((*model)(seeded_images(4, 4)), plan.nodes.back().output, decoded(expected.at("outputs")), close);
}

void check_cases(const std::filesystem::path& fixture, const std::vector<std::string>& models, const Closeness& close) {
  int64_t checked = 0;
  for (const Json& expected : Json::parse(read_file(fixture))) {
    if (std::find(models.begin(), models.end(), expected.at("model").get<std::string>()) == models.end()) continue;
    check_case(expected, close);
    ++checked;
  }
  CHECK(checked > 0);
}

}  // namespace

TEST_CASE("int8 models are torch.ao's: sites, scales, zero points, weights and outputs", "[quant]") {
  check_cases(test::fixture("quant/models.json"),
              {"mobilenet_v3_large", "mobilenet_v2", "resnet18", "shufflenet_v2_x0_5"}, kAnyMachine);
}

// 1e-6, and one step on 99.9 % of the outputs: where float32 has the same kernels, so that scripts/parity/quant makes
// the fixture on this machine, with one thread.
TEST_CASE("int8 models are torch.ao's to the step", "[.][quant-parity]") {
  const char* folder = std::getenv("MLRUN_QUANT_PARITY");
  if (folder == nullptr) return test::skip("scripts/parity/quant runs it");
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  check_cases(std::filesystem::path(folder) / "models.json",
              {"mobilenet_v3_large", "mobilenet_v2", "resnet18", "shufflenet_v2_x0_5", "resnet50", "resnext50_32x4d"},
              kSameMachine);
  at::set_num_threads(threads);
}
