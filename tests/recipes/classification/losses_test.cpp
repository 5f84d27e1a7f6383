#include "recipes/classification/losses.h"

#include <torch/types.h>

#include "base/files.h"
#include "models/parity.h"
#include "support.h"

using namespace mlrun;
using namespace mlrun::test;
using classification::Loss;

namespace {

constexpr std::int64_t kClasses = 5;

std::unique_ptr<Loss> make_loss(const std::string& name, const Json& options = Json::object()) {
  const auto& losses = classification::losses();
  config::Component component = losses.defaults(name);
  for (const auto& [key, value] : options.items()) {
    const config::Field* field = losses.at(name).options->find(key);
    REQUIRE(field);
    field->set(component.options.get(), value);
  }
  return losses.make(component);
}

/// What scripts/fixtures/classification.py gives the losses.
torch::Tensor targets(bool soft) {
  const torch::Tensor hard = torch::tensor({1, 4, 0, 2, 2, 3});
  if (!soft) return hard;
  const torch::Tensor shares = torch::one_hot(hard, kClasses).to(torch::kDouble);
  return 0.7 * shares + 0.3 * shares.roll(1, 0);
}

}  // namespace

TEST_CASE("losses and their gradients are torch's and timm's, for labels and for shares", "[recipes]") {
  const Json cases = Json::parse(read_file(fixture("recipes/losses.json")));
  REQUIRE(cases.size() == 18);
  for (const Json& expected : cases) {
    INFO(expected["name"] << " " << expected["options"] << " soft " << expected["soft"]);
    torch::Tensor logits = formula({6, kClasses}).mul_(6).requires_grad_();
    const auto loss = make_loss(expected["name"].get<std::string>(), expected["options"]);
    const torch::Tensor value = (*loss)(logits, targets(expected["soft"].get<bool>()));
    CHECK(value.dim() == 0);
    CHECK(value.item<double>() == Approx(expected["loss"].get<double>()).epsilon(1e-12));
    value.backward();
    for (std::int64_t row = 0; row < 6; ++row) {
      const auto gradient = expected["gradient"][static_cast<std::size_t>(row)].get<std::vector<double>>();
      const torch::Tensor difference = logits.grad()[row] - torch::tensor(gradient, torch::kDouble);
      CHECK(difference.abs().max().item<double>() < 1e-11);
    }
  }
}

TEST_CASE("one-hot shares are the labels to every loss", "[recipes]") {
  const torch::Tensor logits = formula({6, kClasses}).mul_(6);
  for (const char* name : {"cross_entropy", "bce"}) {
    INFO(name);
    const auto loss = make_loss(name, {{"label_smoothing", 0.1}});
    const torch::Tensor hard = targets(false), shares = classification::soft_targets(hard, kClasses, torch::kDouble);
    CHECK((*loss)(logits, shares).item<double>() == Approx((*loss)(logits, hard).item<double>()).epsilon(1e-14));
    CHECK(classification::soft_targets(shares, kClasses, torch::kFloat).scalar_type() == torch::kFloat);
  }
}

TEST_CASE("class weights must be one for each class", "[recipes]") {
  const auto loss = make_loss("cross_entropy", {{"class_weights", {1.0, 2.0}}});
  CHECK(user_error([&] { loss->check(kClasses); }) ==
        "task.loss.class_weights: has 2 values where the model has 5 classes; give one for each class");
  CHECK_NOTHROW(loss->check(2));
}

TEST_CASE("a mean over class weights tells their sum", "[recipes]") {
  const auto weighted = make_loss("cross_entropy", {{"class_weights", {0.5, 2.0, 1.0, 0.0, 3.5}}});
  const torch::Tensor labels = torch::tensor({1, 1, 4, 3, 0});
  CHECK(weighted->units(labels) == 8);
  CHECK(weighted->units(torch::tensor({3, 3})) == 0);
  CHECK(weighted->units(classification::soft_targets(labels, kClasses, torch::kFloat)) == 5);
  CHECK(make_loss("cross_entropy", Json::object())->units(labels) == 5);
  CHECK(make_loss("bce", Json::object())->units(labels) == 5);
  // As torch has it: parts weighed by their units are the whole.
  const torch::Tensor logits = formula({5, kClasses}).mul_(3);
  const auto part = [&](std::int64_t begin, std::int64_t count) {
    const torch::Tensor own = labels.narrow(0, begin, count);
    return (*weighted)(logits.narrow(0, begin, count), own).item<double>() * weighted->units(own);
  };
  CHECK((part(0, 2) + part(2, 3)) / 8 == Approx((*weighted)(logits, labels).item<double>()).epsilon(1e-12));
}
