// The recipe of torchvision's references/segmentation, in this program's words.
#include <cmath>

#include "engine/train/training.h"
#include "models/registry.h"
#include "optim/groups.h"
#include "optim/schedule.h"

using namespace mlrun;

namespace {

config::Resolved reference() {
  return test::resolve_text(R"(
task: {name: segmentation, aux_weight: 0.5}
model: deeplabv3_mobilenet_v3_large
data: {format: synthetic_shapes, augment: segmentation_train, preprocess: segmentation_eval}
train: {epochs: 30, batch_size: 32}
optimizer:
  name: sgd
  lr: 0.02
  momentum: 0.9
  weight_decay: 1e-6
  groups: [{match: aux_classifier, lr_scale: 10}]
schedule: {name: polynomial, power: 0.9, interval: step}
)");
}

}  // namespace

TEST_CASE("the rate of each step is the power of what is left, as the references'", "[recipes][segmentation]") {
  const config::Recipe recipe = reference().recipe;
  constexpr std::int64_t kSteps = 97, kEpochs = 30;
  const optim::LearningRate rate(recipe.schedule, 0.02, {kSteps, kSteps * kEpochs});
  for (std::int64_t step = 0; step < kSteps * kEpochs; ++step) {
    const double left = 1 - static_cast<double>(step) / static_cast<double>(kSteps * kEpochs);
    CHECK(rate.at(step) == Approx(0.02 * std::pow(left, 0.9)).epsilon(1e-14));
  }
}

TEST_CASE("the second head learns at ten times the rate", "[recipes][segmentation]") {
  const config::Recipe recipe = reference().recipe;
  const auto model = models::models().make(recipe.model.architecture, {21, 3});
  const optim::ParameterGroups groups({{"model", model}}, recipe.optimizer);
  const optim::Parameters parameters = groups.parameters("model");
  std::int64_t faster = 0;
  for (std::size_t i = 0; i < parameters.tensors.size(); ++i) {
    const bool aux = parameters.tensors[i].first.rfind("aux_classifier.", 0) == 0;
    CHECK(parameters.treatments[i].lr_scale == (aux ? 10 : 1));
    faster += aux;
  }
  CHECK(faster == 5);  // a convolution, its norm, a convolution with bias
}
