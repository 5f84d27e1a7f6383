#include "recipes/steps.h"

#include "base/files.h"
#include "models/parity.h"

using namespace mlrun;
using namespace mlrun::test;

namespace {

const Json& case_of(const std::string& name) {
  static const Json cases = Json::parse(read_file(fixture("recipes/steps.json")));
  for (const Json& one : cases) {
    if (one["name"] == name) return one;
  }
  throw InternalError(__FILE__, __LINE__, name);
}

weights::NamedTensors floating(const weights::NamedTensors& tensors) {
  weights::NamedTensors kept;
  for (const auto& item : tensors) {
    if (item.second.is_floating_point()) kept.push_back(item);
  }
  return kept;
}

/// Norms and projections of all tensors and the script's 37 samples of their values. What is 0 but for rounding
/// (gradients of biases before another normalization) is compared with the largest.
void check_tensors(const weights::NamedTensors& all, const Json& state, const std::string& part) {
  const auto tensors = floating(all);
  const Json& figures = state[part];
  REQUIRE(tensors.size() == figures.size());
  if (tensors.empty()) return;
  double largest = 0;
  for (const Json& figure : figures) largest = std::max(largest, figure[0].get<double>());
  std::vector<torch::Tensor> flat;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    INFO(part << " of " << tensors[i].first);
    const double norm = figures[i][0].get<double>(), tolerance = 1e-6 * norm + 1e-9 * largest;
    CHECK(std::abs(tensors[i].second.norm().item<double>() - norm) <= tolerance);
    CHECK(std::abs(projection(tensors[i].second) - figures[i][1].get<double>()) <= tolerance);
    flat.push_back(tensors[i].second.detach().flatten());
  }
  const torch::Tensor joined = torch::cat(flat);
  const auto expected = state[part + "_sampled"].get<std::vector<double>>();
  const std::int64_t stride = (joined.numel() + 36) / 37;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    INFO(part << " sample " << i);
    const double value = joined[static_cast<std::int64_t>(i) * stride].item<double>();
    CHECK(std::abs(value - expected[i]) <= 1e-6 * std::abs(expected[i]) + 1e-9 * largest);
  }
}

/// Compares every step with the script's.
class Comparison : public engine::Hook {
 public:
  Comparison(const Json& expected, const engine::Trainer& trainer, const nn::Layer& model)
      : expected_(expected), trainer_(trainer), model_(model), watch_(model) {}

  void on_step(const engine::StepReport& report) override {
    const auto step = static_cast<std::size_t>(report.position.step - 1);
    INFO(expected_["name"] << ", step " << step);
    CHECK(std::abs(report.loss - expected_["losses"][step].get<double>()) < 1e-6);
    CHECK(report.lr == Approx(expected_["rates"][step].get<double>()).epsilon(1e-12));
    steps = step + 1;
    watch_.on = (step + 1) % 10 == 0;  // the next step is recorded
    for (const Json& state : expected_["states"]) {
      if (state["step"] != step) continue;
      check_tensors(watch_.gradients(), state, "gradients");
      check_tensors(nn::state_dict(model_), state, "weights");
      check_tensors(averages_of(trainer_), state, "average");
    }
  }

  std::size_t steps = 0;

 private:
  const Json& expected_;
  const engine::Trainer& trainer_;
  const nn::Layer& model_;
  GradientWatch watch_;
};

/// Makes a model float64, in place: the optimizer holds the same tensors.
void make_double(nn::Layer& model) {
  const torch::NoGradGuard no_grad;
  for (const auto& item : nn::state_dict(model)) {
    torch::Tensor tensor = item.second;
    if (tensor.is_floating_point()) tensor.set_data(tensor.to(torch::kDouble));
  }
}

/// The whole training in float64, where rounding grows to 1e-9 within 50 steps. In float32 one ulp would be half of the
/// loss by then.
void repeat_training(const std::string& name) {
  const Json& expected = case_of(name);
  const auto resolved = resolve_text(expected["recipe"].dump());
  std::int64_t step = 0;
  FedTask task(resolved.recipe, [&](engine::Task& inner, engine::Step& hands) {
    inner.train(hands, steps_batch(step++, torch::kDouble));
  });
  engine::Trainer trainer(task, resolved.recipe, engine::make_context(resolved.recipe.train));
  nn::Layer& model = *task.models().front().second;
  make_double(model);
  Comparison comparison(expected, trainer, model);
  CHECK(trainer.run({&comparison}));
  CHECK(comparison.steps == expected["losses"].size());
}

}  // namespace

TEST_CASE("51 steps of MobileNetV3-Small with RMSProp are PyTorch's", "[recipes][steps]") {
  repeat_training("mobilenet_v3_small rmsprop");
}

TEST_CASE("51 steps of MobileNetV3-Small without decay of norms are PyTorch's", "[recipes][steps]") {
  repeat_training("mobilenet_v3_small sgd");
}

// Eleven million float64 weights take half a minute each: by hand, scripts/parity/steps.
TEST_CASE("51 steps of ResNet-18 with SGD are PyTorch's", "[.][steps-resnet]") { repeat_training("resnet18 sgd"); }

TEST_CASE("51 steps of ResNet-18 with AdamW and clipping are PyTorch's", "[.][steps-resnet]") {
  repeat_training("resnet18 adamw");
}
