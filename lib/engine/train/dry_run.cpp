#include "engine/train/dry_run.h"

#include <algorithm>
#include <chrono>
#include <vector>

#include <torch/types.h>
#include <torch/utils.h>

#include "base/error.h"
#include "base/log.h"
#include "engine/run/initial_weights.h"
#include "engine/run/model_state.h"
#include "engine/train/check.h"
#include "engine/train/memory_format.h"
#include "engine/train/trainer.h"

namespace mlrun::engine {
namespace {

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// Times the steps of a dry run; the first ones warm up.
class StepTimer : public Hook {
 public:
  void on_step(const StepReport& report) override {
    const auto now = std::chrono::steady_clock::now();
    if (++count_ > kWarmUp) {
      seconds.push_back(std::chrono::duration<double>(now - before_).count());
      waits.push_back(report.wait - waited_);
    }
    before_ = now;
    waited_ = report.wait;
  }

  static constexpr int kWarmUp = 2;
  std::vector<double> seconds, waits;

 private:
  int count_ = 0;
  double waited_ = 0;
  std::chrono::steady_clock::time_point before_ = std::chrono::steady_clock::now();
};

/// A few samples of each split go through the model, so that what is wrong with one is told here.
void check_evaluation(Task& task, const config::Recipe& recipe, const Context& context) {
  const torch::NoGradGuard no_gradients;
  for (const auto& model : task.models()) model.second->eval();
  for (auto& batch : some_samples(task, recipe)) {
    batch.inputs = place(batch.inputs, context);
    task.predict(batch);
  }
}

}  // namespace

DryRun dry_run(const TaskFactory& tasks, const config::Resolved& resolved, const MakeCompanion& companion) {
  constexpr std::int64_t kSteps = 8;
  for (const auto& note : resolved.notes) log::info(note);
  const config::Recipe& recipe = resolved.recipe;
  check_initial_weights(resolved);
  DryRun result;
  result.context = make_context(recipe.train);
  const auto task = tasks.make(recipe.task.kind, TaskRequest{recipe, std::nullopt});
  const auto accompanied = companion ? companion(*task, recipe, result.context) : nullptr;
  choose_memory_format(*task, recipe, result.context, Json());
  Trainer trainer(*task, recipe, result.context, accompanied.get());
  apply_initial_weights(*task, recipe);
  check_evaluation(*task, recipe, result.context);
  StepTimer timer;
  trainer.run_steps(StepTimer::kWarmUp + kSteps, {&timer});
  if (timer.seconds.empty()) throw UserError("an epoch of this recipe is too short to be timed", "train it instead");

  result.plan = trainer.plan();
  result.groups = trainer.groups();
  result.steps = static_cast<std::int64_t>(timer.seconds.size());
  result.seconds_per_step = median(timer.seconds);
  result.seconds_per_epoch = result.seconds_per_step * static_cast<double>(result.plan.steps_per_epoch);
  result.wait_share = std::clamp(median(timer.waits) / result.seconds_per_step, 0.0, 1.0);
  data::State state;
  trainer.save(state, "");
  result.checkpoint_bytes =
      static_cast<std::int64_t>(byte_count(model_tensors(task->models())) + byte_count(state.tensors()));
  result.checkpoints = recipe.train.checkpoint.keep + 2;
  for (const auto& model : task->models()) {
    for (const auto& parameter : model.second->parameters()) result.parameters += parameter.numel();
  }
  result.peak_memory = peak_memory();
  return result;
}

}  // namespace mlrun::engine
