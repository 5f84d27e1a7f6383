// Parity of segmentation models with torchvision and, where it lacks the model, with the reference in the script
// (scripts/fixtures/segmenters.py).
#include <algorithm>
#include <cmath>
#include <filesystem>

#include <torch/types.h>
#include <torch/utils.h>

#include "base/files.h"
#include "base/torch_compat.h"
#include "models/parity.h"
#include "nn/norm.h"
#include "support.h"

using namespace mlrun;

namespace {

std::vector<std::string> segmenter_cases() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(test::fixture("models/segmenters"))) {
    names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

torch::Tensor images(const Json& expected) {
  const auto size = expected.at("size").get<std::vector<int64_t>>();
  return test::formula({2, 3, size[0], size[1]}).to(torch::kFloat);
}

torch::Tensor labels(const Json& expected) {
  const auto size = expected.at("size").get<std::vector<int64_t>>();
  const auto values = (torch::arange(2 * size[0] * size[1]) * 31).remainder(6);
  return values.masked_fill(values.eq(5), 255).view({2, size[0], size[1]});
}

/// Gives batch norms the statistics of a pass in training, in float64.
void settle(nn::Layer& model, const torch::Tensor& inputs) {
  test::widen(model);
  model.train();
  for (nn::Layer* layer : model.all_layers()) {
    if (auto* norm = dynamic_cast<nn::BatchNorm*>(layer)) norm->begin_cumulative();
  }
  compat::manual_seed(2);
  model.run({inputs});
  for (nn::Layer* layer : model.all_layers()) {
    if (auto* norm = dynamic_cast<nn::BatchNorm*>(layer)) norm->end_cumulative();
  }
}

void check_evaluation(nn::Layer& model, const Json& expected) {
  const torch::NoGradGuard no_grad;
  const bool settled = expected.value("settled", false);
  const torch::Tensor inputs = images(expected).to(settled ? torch::kDouble : torch::kFloat);
  if (settled) settle(model, inputs);
  model.eval();
  const nn::Tensors outputs = model.run({inputs});
  REQUIRE(outputs.size() == 1);
  const Json& figures = expected.at("evaluation");
  REQUIRE(outputs[0].sizes().vec() == figures.at("shape").get<std::vector<int64_t>>());
  const double tolerance = (settled ? 1e-9 : 1e-5) * figures.at("largest").get<double>();
  for (int64_t i = 0; i < 6; ++i) {
    CHECK(std::abs(outputs[0].flatten()[i].item<double>() -
                   figures.at("first")[static_cast<std::size_t>(i)].get<double>()) <= tolerance);
  }
  const double spread = tolerance * std::sqrt(static_cast<double>(outputs[0].numel()));
  CHECK(std::abs(test::projection(outputs[0]) - figures.at("projection").get<double>()) <= spread);
}

void check_training(nn::Layer& model, const Json& expected) {
  const Json& step = expected.at("training");
  nn::initialise(model, 0);
  test::widen(model);
  model.train();
  compat::manual_seed(2);
  const nn::Tensors outputs = model.run({images(expected).to(torch::kDouble)});
  const auto loss_of = [&](const torch::Tensor& logits) {
    return at::cross_entropy_loss(logits, labels(expected), {}, at::Reduction::Mean, 255);
  };
  torch::Tensor loss = loss_of(outputs[0]);
  if (outputs.size() > 1) loss = loss + 0.5 * loss_of(outputs[1]);
  loss.backward();
  CHECK(loss.item<double>() == Approx(step.at("loss").get<double>()).epsilon(1e-9));
  const double tolerance = 1e-7 * step.at("largest_gradient").get<double>();
  REQUIRE(model.named_parameters().size() == step.at("gradients").size());
  for (const auto& item : model.named_parameters()) {
    INFO(item.key());
    const Json& figures = step.at("gradients").at(item.key());
    const double spread = tolerance * std::sqrt(static_cast<double>(item.value().numel()));
    CHECK(std::abs(item.value().grad().norm().item<double>() - figures[0].get<double>()) <= spread);
    CHECK(std::abs(test::projection(item.value().grad()) - figures[1].get<double>()) <= spread);
  }
}

}  // namespace

// One section a case: `mlrun_tests "segmenters equal*" -c mosaic` runs one.
TEST_CASE("segmenters equal torchvision's: keys, initial bits, outputs, a training step", "[models][segmentation]") {
  for (const std::string& name : segmenter_cases()) {
    DYNAMIC_SECTION(name) {
      const Json expected = Json::parse(read_file(test::fixture("models/segmenters/" + name + ".json")));
      const auto make = [&expected] {
        return test::make_model(expected.at("model"), expected.value("options", Json::object()),
                                {expected.at("classes").get<int64_t>(), 3});
      };
      const auto model = make();
      nn::initialise(*model, 0);
      const auto following = torch::rand({1}).item<double>();
      const test::State state = nn::state_dict(*model);
      const std::string text = test::described(state);
      REQUIRE(state.size() == expected.at("entries").get<std::size_t>());
      CHECK(sha256(text.data(), text.size()) == expected.at("state").get<std::string>());
      CHECK(test::digest(state) == expected.at("initial").get<std::string>());
      CHECK(following == expected.at("following").get<double>());
      check_evaluation(*model, expected);
      if (expected.contains("training")) check_training(*make(), expected);
    }
  }
}

TEST_CASE("a U-Net gives each pixel its classes at any size", "[models][segmentation]") {
  const auto model = test::make_model("unet", {{"width", 4}, {"depth", 3}}, {3, 1});
  nn::initialise(*model, 0);
  model->eval();
  const torch::NoGradGuard no_grad;
  for (const auto& [height, width] : {std::pair<int64_t, int64_t>{16, 16}, {17, 29}, {8, 40}}) {
    CHECK((*model)(torch::zeros({2, 1, height, width})).sizes() == torch::IntArrayRef({2, 3, height, width}));
  }
}
