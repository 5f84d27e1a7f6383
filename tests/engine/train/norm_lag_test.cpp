#include "engine/train/norm_lag.h"

#include "engine/train/training.h"

using namespace mlrun;
using namespace mlrun::test;

namespace {

std::unique_ptr<engine::Task> task_with(const std::string& momentum) {
  const auto resolved = tiny({"model.batch_norm.momentum=" + momentum});
  return recipes::tasks().make(resolved.recipe.task.kind, engine::TaskRequest{resolved.recipe, {}});
}

/// What is said of stretches of `steps` steps, each with a loss of training and a figure of evaluation.
std::string said_of(const std::string& momentum, int steps, const std::vector<std::pair<double, double>>& stretches) {
  const Quiet quiet;
  engine::NormLag lag(*task_with(momentum), "val/acc1", 1);
  for (const auto& [loss, acc1] : stretches) {
    engine::StepReport step;
    step.loss = loss;
    for (int i = 0; i < steps; ++i) lag.on_step(step);
    engine::StretchReport stretch;
    stretch.evaluation.emplace();
    stretch.evaluation->split = data::Split::Val;
    stretch.evaluation->figures = {{"acc1", acc1, report::Better::Higher, 2, "%"}};
    lag.on_stretch(stretch);
  }
  return lag.said();
}

}  // namespace

TEST_CASE("statistics that lag behind a training are told", "[engine]") {
  CHECK(
      said_of("0.01", 6, {{2, 25}, {1.5, 25}, {1, 24}}) ==
      "val/acc1 is no better than at first, while the loss of training falls: the running statistics of batch norm, by "
      "which evaluation alone normalizes, still hold 83 % of what they began with (momentum 0.01, 18 steps); train "
      "longer, or set model.batch_norm.momentum, as 0.1");
  CHECK(said_of("0.01", 6, {{2, 25}, {1.5, 25}, {1, 26}}).empty());    // evaluation learns
  CHECK(said_of("0.01", 6, {{2, 25}, {1.9, 25}, {1.8, 25}}).empty());  // training does not
  CHECK(said_of("0.01", 6, {{2, 25}, {1, 25}}).empty());               // too early to tell
  CHECK(said_of("0.01", 100, {{2, 25}, {1.5, 25}, {1, 25}}).empty());  // 300 steps: 5 %
  CHECK(said_of("0.1", 10, {{2, 25}, {1.5, 25}, {1, 25}}).empty());
}
