// Parity with torchvision. The fixtures say what its models are made of and what they compute
// (scripts/fixtures/models.py).
#include <torch/torch.h>

#include <cmath>

#include "base/files.h"
#include "base/json.h"
#include "models/registry.h"
#include "support.h"

using namespace mlrun;

namespace {

using State = std::vector<std::pair<std::string, torch::Tensor>>;

torch::Tensor formula(std::vector<int64_t> shape) {
  const int64_t count = c10::multiply_integers(shape);
  return torch::arange(count, torch::kLong).mul(7919).remainder(1009).to(torch::kDouble).div(1009).sub(0.5).view(shape);
}

double projection(const torch::Tensor& tensor) {
  return (tensor.detach().to(torch::kDouble).flatten() * formula({tensor.numel()})).sum().item<double>();
}

std::string digest(const State& tensors) {
  std::string bytes;
  for (const auto& [key, tensor] : tensors) {
    const auto flat = tensor.detach().contiguous();
    bytes.append(static_cast<const char*>(flat.data_ptr()), flat.nbytes());
  }
  return sha256(bytes.data(), bytes.size());
}

struct Case {
  Json expected;
  std::shared_ptr<nn::Layer> model;

  int64_t number(const char* name) const { return expected.at(name).get<int64_t>(); }
  torch::Tensor input(int64_t batch) const {
    const int64_t size = number("size");
    return formula({batch, number("channels"), size, size}).to(torch::kFloat);
  }
};

Case read_case(const std::string& name) {
  Case result;
  result.expected = Json::parse(read_file(test::fixture("models/" + name + ".json")));
  config::Component component = models::models().defaults(result.expected.at("model"));
  const config::Spec& spec = *models::models().at(component.name).options;
  for (const auto& [key, value] : result.expected.at("options").items()) {
    REQUIRE(spec.find(key));
    spec.find(key)->set(component.options.get(), value);
  }
  result.model = models::models().make(component, {result.number("num_classes"), result.number("channels")});
  return result;
}

void check_state(const State& state, const Json& expected) {
  REQUIRE(state.size() == expected.size());
  for (std::size_t i = 0; i < state.size(); ++i) {
    const auto& [key, tensor] = state[i];
    REQUIRE(key == expected[i][0].get<std::string>());
    REQUIRE(tensor.sizes().vec() == expected[i][1].get<std::vector<int64_t>>());
    REQUIRE(tensor.scalar_type() == (expected[i][2] == "int64" ? torch::kLong : torch::kFloat));
  }
}

void check_initial_bits(Case& test) {
  const Json& expected = test.expected.at("initial");
  nn::initialise(*test.model, 0);
  const State state = nn::state_dict(*test.model);
  for (std::size_t i = 0; i < state.size(); ++i) {
    INFO(state[i].first);
    REQUIRE(digest({state[i]}).substr(0, 8) == expected.at("tensors")[i].get<std::string>());
  }
  CHECK(digest(state) == expected.at("0").get<std::string>());
  nn::initialise(*test.model, 1);
  CHECK(digest(nn::state_dict(*test.model)) == expected.at("1").get<std::string>());
}

void check_evaluation(Case& test) {
  const Json& expected = test.expected.at("evaluation");
  nn::initialise(*test.model, expected.at("seed").get<std::uint64_t>());
  test.model->eval();
  torch::NoGradGuard no_grad;
  const auto logits = (*test.model)(test.input(2));
  REQUIRE(logits.sizes() == torch::IntArrayRef({2, test.number("num_classes")}));
  const double tolerance = 1e-5 * expected.at("largest").get<double>();
  for (int64_t row = 0; row < 2; ++row) {
    const auto first = expected.at("logits")[row].get<std::vector<double>>();
    for (std::size_t i = 0; i < first.size(); ++i) {
      CHECK(std::abs(logits[row][static_cast<int64_t>(i)].item<double>() - first[i]) <= tolerance);
    }
  }
  const double spread = tolerance * std::sqrt(static_cast<double>(logits.numel()));
  CHECK(std::abs(projection(logits) - expected.at("projection").get<double>()) <= spread);
  CHECK(torch::allclose((*test.model)(test.input(1)), logits.slice(0, 0, 1), 1e-5, 10 * tolerance));
}

/// Loss, gradients and buffers of one training step from the seed's weights.
void check_training(Case& test) {
  const Json& expected = test.expected.at("training");
  nn::initialise(*test.model, expected.at("seed").get<std::uint64_t>());
  test.model->train();
  const auto targets = torch::tensor({1, 3, 7, 9}, torch::kLong);
  const auto loss = torch::nn::functional::cross_entropy((*test.model)(test.input(4)), targets);
  loss.backward();
  CHECK(loss.item<double>() == Approx(expected.at("loss").get<double>()).epsilon(1e-5));
  const double tolerance = 1e-4 * expected.at("largest_gradient").get<double>();
  const auto parameters = test.model->named_parameters();
  REQUIRE(parameters.size() == expected.at("gradients").size());
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const auto gradient = parameters[i].value().grad();
    INFO(parameters[i].key());
    REQUIRE(gradient.defined());
    const Json& figures = expected.at("gradients")[i];
    const double spread = tolerance * std::sqrt(static_cast<double>(gradient.numel()));
    CHECK(std::abs(gradient.to(torch::kDouble).norm().item<double>() - figures[0].get<double>()) <= spread);
    CHECK(std::abs(projection(gradient) - figures[1].get<double>()) <= spread);
  }
  const auto buffers = test.model->named_buffers();
  REQUIRE(buffers.size() == expected.at("buffers").size());
  for (std::size_t i = 0; i < buffers.size(); ++i) {
    INFO(buffers[i].key());
    CHECK(projection(buffers[i].value()) == Approx(expected.at("buffers")[i].get<double>()).epsilon(1e-4).margin(1e-4));
  }
}

}  // namespace

TEST_CASE("models equal torchvision's: keys, shapes, order, initial bits, outputs, gradients", "[models]") {
  const std::string name =
      GENERATE(as<std::string>{}, "resnet18", "resnet34", "resnet50", "resnet50_zero_init", "mobilenet_v3_small",
               "mobilenet_v3_large", "mobilenet_v3_large_variant", "mobilenet_v3_small_variant", "small_cnn");
  INFO(name);
  Case test = read_case(name);
  check_state(nn::state_dict(*test.model), test.expected.at("state"));
  int64_t params = 0;
  for (const auto& tensor : test.model->parameters()) params += tensor.numel();
  CHECK(params == test.number("params"));
  check_initial_bits(test);
  check_evaluation(test);
  if (test.expected.contains("training")) check_training(test);
}
