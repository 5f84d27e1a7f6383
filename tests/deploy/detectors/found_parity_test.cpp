#include "deploy/detectors/found_parity.h"

#include <stdexcept>

#include <torch/types.h>
#include <torch/utils.h>

#include "catch.h"

using namespace mlrun;

namespace {

/// Boxes of 200 things; the image's first number moves them.
nn::Tensors found(const nn::Tensors& inputs) {
  const torch::Tensor corner = torch::arange(200, torch::kFloat).unsqueeze(1) + inputs[0].flatten()[0];
  return {torch::cat({corner, corner, corner + 9, corner + 5}, 1), torch::linspace(1, 0.2, 200),
          torch::arange(200).remainder(3)};
}

/// What is said of a file that changes what the model finds.
deploy::Parity parity_of(const std::function<void(nn::Tensors&)>& change) {
  const deploy::Runner file = [&](const nn::Tensors& inputs) {
    nn::Tensors outputs = found(inputs);
    change(outputs);
    return outputs;
  };
  return deploy::compare_found("engine", found, file, torch::rand({2, 3, 40, 100}), {1e-4});
}

}  // namespace

TEST_CASE("detections are compared whatever their order", "[deploy][detection]") {
  const deploy::Parity same = parity_of([](nn::Tensors& outputs) {
    for (auto& tensor : outputs) tensor = tensor.flip({0});
    outputs[0] = outputs[0] + 0.005;
  });
  CHECK(same.met);
  CHECK(same.found == 400);
  CHECK(same.found_agreement == 100);
  CHECK(same.max_difference == Approx(0.005).epsilon(0.01));
  CHECK(deploy::text(same).rfind("engine: 100 % of 400 boxes found alike in 2 images, corners within 0.005", 0) == 0);
  CHECK(deploy::to_json(same).at("found") == 400);
}

TEST_CASE("detections without a counterpart count", "[deploy][detection]") {
  const auto agreement = [](const std::function<void(nn::Tensors&)>& change) {
    const deploy::Parity parity = parity_of(change);
    CHECK(parity.failure.empty());
    CHECK(parity.met == (*parity.found_agreement >= 99));
    return *parity.found_agreement;
  };
  const auto shorter = [](std::int64_t rows) {
    return [rows](nn::Tensors& outputs) {
      for (auto& tensor : outputs) tensor = tensor.slice(0, rows);
    };
  };
  CHECK(agreement(shorter(2)) == 99);
  CHECK(agreement(shorter(3)) == 98.5);
  CHECK(agreement(shorter(200)) == 0);
  CHECK(agreement([](nn::Tensors& outputs) { outputs[2] = outputs[2] + 1; }) == 0);
  CHECK(agreement([](nn::Tensors& outputs) { outputs[1] = outputs[1] + 2e-4; }) == 0);
  CHECK(agreement([](nn::Tensors& outputs) { outputs[0] = outputs[0] + 0.02; }) == 0);
  CHECK(agreement([](nn::Tensors& outputs) {
          for (auto& tensor : outputs) tensor = torch::cat({tensor, tensor});  // each once more than there is
        }) == 50);
}

TEST_CASE("a file that gives no detections is told, and one that finds nothing shows little", "[deploy][detection]") {
  const std::string shapes = "its outputs are no boxes, scores and labels";
  CHECK(parity_of([](nn::Tensors& outputs) { outputs.pop_back(); }).failure == shapes);
  CHECK(parity_of([](nn::Tensors& outputs) { outputs[1] = outputs[1].slice(0, 1); }).failure == shapes);
  CHECK(parity_of([](nn::Tensors& outputs) { outputs[2] = outputs[2].to(torch::kFloat); }).failure == shapes);
  CHECK(parity_of([](nn::Tensors&) { throw std::runtime_error("no room\n"); }).failure == "no room");
  const deploy::Runner nothing = [](const nn::Tensors&) {
    return nn::Tensors{torch::empty({0, 4}), torch::empty({0}), torch::empty({0}, torch::kLong)};
  };
  const auto none = deploy::compare_found("engine", nothing, nothing, torch::rand({1, 3, 8, 8}), {1e-4});
  CHECK(none.met);
  CHECK(deploy::text(none) == "engine: nothing is found in 1 images by either, which shows little");
}
