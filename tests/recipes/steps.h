#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <torch/types.h>

#include "base/torch_compat.h"
#include "engine/train/trainer.h"
#include "engine/train/training.h"

/// Trainings that scripts/fixtures/steps.py made in PyTorch, repeated by the real Trainer.
namespace mlrun::test {

/// The script's images and labels of a step.
inline data::Batch steps_batch(std::int64_t step, torch::ScalarType dtype) {
  constexpr std::int64_t kBatch = 8, kClasses = 10, kSize = 32;
  const auto labels = torch::arange(kBatch).mul(3).add(step * 7).remainder(kClasses);
  compat::manual_seed(static_cast<std::uint64_t>(1000 + step));
  const auto noise = torch::rand({kBatch, 3, kSize, kSize}).to(torch::kDouble).mul(2).sub(1);
  const auto images = noise + labels.to(torch::kDouble).div(kClasses).view({-1, 1, 1, 1});
  data::Batch batch;
  for (std::int64_t i = 0; i < kBatch; ++i) batch.ids.push_back(std::to_string(i));
  batch.inputs.set("image", images.to(torch::kFloat).to(dtype));
  batch.targets.set("label", labels);
  return batch;
}

/// A recipe's own task, but for what each step is given: `train` stands in for the task's.
class FedTask : public WrappedTask {
 public:
  using Train = std::function<void(engine::Task& inner, engine::Step&)>;

  FedTask(const config::Recipe& recipe, Train train)
      : WrappedTask(recipes::tasks().make(recipe.task.kind, engine::TaskRequest{recipe, {}})),
        train_(std::move(train)) {}

  void train(engine::Step& step, const data::Batch&) override { train_(inner(), step); }

 private:
  Train train_;
};

/// Gradients as backward delivers them, before clipping and update, by parameter, while `on`.
class GradientWatch {
 public:
  explicit GradientWatch(const nn::Layer& model) {
    for (const auto& parameter : model.named_parameters()) {
      torch::Tensor tensor = parameter.value();
      const std::size_t place = gradients_.size();
      gradients_.emplace_back(parameter.key(), torch::Tensor());
      tensor.register_hook([this, place](const torch::Tensor& gradient) {
        if (on) gradients_[place].second = gradient.clone();
      });
    }
  }
  GradientWatch(const GradientWatch&) = delete;
  GradientWatch& operator=(const GradientWatch&) = delete;

  const weights::NamedTensors& gradients() const { return gradients_; }
  bool on = true;

 private:
  weights::NamedTensors gradients_;
};

/// What the trainer's average holds, by state-dict name; empty before it begins.
inline weights::NamedTensors averages_of(const engine::Trainer& trainer) {
  const std::string prefix = "averaging.averages.";
  data::State state;
  trainer.save(state, "");
  weights::NamedTensors averages;
  for (const auto& [name, tensor] : state.tensors()) {
    if (name.rfind(prefix, 0) == 0) averages.emplace_back(name.substr(prefix.size()), tensor);
  }
  return averages;
}

}  // namespace mlrun::test
