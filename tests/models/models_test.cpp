// Parity in depth with torchvision (and, where it lacks the model, with the reference in the
// script): the smallest of each family, and variants. One fixture a case
// (scripts/fixtures/models.py).
#include <torch/types.h>
#include <torch/utils.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "base/files.h"
#include "models/parity.h"
#include "support.h"

using namespace mlrun;

namespace {

/// All cases: the fixtures but the one of the whole zoo.
std::vector<std::string> deep_cases() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(test::fixture("models"))) {
    const auto name = entry.path().stem().string();
    if (entry.path().extension() == ".json" && name != "zoo") names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

struct DeepCase {
  Json expected;
  std::shared_ptr<nn::Layer> model;

  int64_t number(const char* name) const { return expected.at(name).get<int64_t>(); }
  torch::Tensor input(int64_t batch) const {
    const int64_t size = number("size");
    return test::formula({batch, number("channels"), size, size}).to(torch::kFloat);
  }
};

DeepCase read_deep_case(const std::string& name) {
  DeepCase result;
  result.expected = Json::parse(read_file(test::fixture("models/" + name + ".json")));
  result.model = test::make_model(result.expected.at("model"), result.expected.at("options"),
                                  {result.number("num_classes"), result.number("channels")});
  return result;
}

void check_state(const test::State& state, const Json& expected) {
  REQUIRE(state.size() == expected.size());
  for (std::size_t i = 0; i < state.size(); ++i) {
    const auto& [key, tensor] = state[i];
    REQUIRE(key == expected[i][0].get<std::string>());
    INFO(key);
    REQUIRE(tensor.sizes().vec() == expected[i][1].get<std::vector<int64_t>>());
    REQUIRE(tensor.scalar_type() == (expected[i][2] == "int64" ? torch::kLong : torch::kFloat));
  }
}

/// Draws the weights and compares them bit by bit.
void check_initial_bits(DeepCase& test, std::uint64_t seed) {
  const Json& expected = test.expected.at("initial");
  nn::initialise(*test.model, seed);
  const test::State state = nn::state_dict(*test.model);
  const std::string digest = test::digest(state);
  for (std::size_t i = 0; seed == 0 && digest != expected.at("0") && i < state.size(); ++i) {
    INFO("the first difference is in " << state[i].first);
    REQUIRE(test::digest(state[i].second).substr(0, 8) == expected.at("tensors")[i].get<std::string>());
  }
  CHECK(digest == expected.at(std::to_string(seed)).get<std::string>());
}

/// Outputs with the weights that were drawn.
void check_evaluation(DeepCase& test) {
  const Json& expected = test.expected.at("evaluation");
  test::stir(*test.model, test.expected);
  test.model->eval();
  torch::NoGradGuard no_grad;
  const auto logits = (*test.model)(test.input(2));
  REQUIRE(logits.sizes() == torch::IntArrayRef({2, test.number("num_classes")}));
  test::check_logits(logits, expected);
  const double tolerance = 1e-4 * expected.at("largest").get<double>();
  CHECK(torch::allclose((*test.model)(test.input(1)), logits.slice(0, 0, 1), 1e-5, tolerance));
}

/// Cross-entropy of the main outputs, and 0.3 times that of auxiliary ones.
torch::Tensor training_loss(DeepCase& test) {
  const auto targets = torch::tensor({1, 3, 7, 9}, torch::kLong);
  const auto outputs = test.model->run({test.input(4).to(torch::kDouble)});
  torch::Tensor loss = torch::cross_entropy_loss(outputs.front(), targets);
  for (std::size_t i = 1; i < outputs.size(); ++i) {
    loss = loss + 0.3 * torch::cross_entropy_loss(outputs[i], targets);
  }
  return loss;
}

/// Loss, gradients and buffers of one training step in float64 from the weights that were drawn: in
/// float32 some gradients differ by more than 1e-4 between kinds of CPU.
void check_training(DeepCase& test) {
  const Json& expected = test.expected.at("training");
  test::stir(*test.model, test.expected);
  test::widen(*test.model);
  test.model->train();
  const auto loss = training_loss(test);
  loss.backward();
  CHECK(loss.item<double>() == Approx(expected.at("loss").get<double>()).epsilon(1e-9));
  const double tolerance = 1e-7 * expected.at("largest_gradient").get<double>();
  const auto parameters = test.model->named_parameters();
  REQUIRE(parameters.size() == expected.at("gradients").size());
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const auto gradient = parameters[i].value().grad();
    INFO(parameters[i].key());
    REQUIRE(gradient.defined());
    const Json& figures = expected.at("gradients")[i];
    const double spread = tolerance * std::sqrt(static_cast<double>(gradient.numel()));
    CHECK(std::abs(gradient.to(torch::kDouble).norm().item<double>() - figures[0].get<double>()) <= spread);
    CHECK(std::abs(test::projection(gradient) - figures[1].get<double>()) <= spread);
  }
  const auto buffers = test.model->named_buffers();
  REQUIRE(buffers.size() == expected.at("buffers").size());
  for (std::size_t i = 0; i < buffers.size(); ++i) {
    INFO(buffers[i].key());
    CHECK(test::projection(buffers[i].value()) ==
          Approx(expected.at("buffers")[i].get<double>()).epsilon(1e-7).margin(1e-7));
  }
}

}  // namespace

// One section a case: `mlrun_tests "models equal*" -c resnet18` runs one.
TEST_CASE("models equal torchvision's: keys, shapes, order, initial bits, outputs, gradients", "[models]") {
  for (const std::string& name : deep_cases()) {
    DYNAMIC_SECTION(name) {
      DeepCase test = read_deep_case(name);
      check_state(nn::state_dict(*test.model), test.expected.at("state"));
      CHECK(test::count_parameters(*test.model) == test.number("params"));
      check_initial_bits(test, 1);
      check_evaluation(test);
      check_initial_bits(test, 0);
      if (test.expected.contains("training")) check_training(test);
    }
  }
}
