#include "engine/train/lone_sample.h"

#include <torch/types.h>

#include "engine/train/training.h"

using namespace mlrun;
using namespace mlrun::test;
using engine::Resume;

TEST_CASE("a batch of one sample that batch norm cannot train on is told before the first step", "[engine]") {
  const TempDir folder;
  int trained = 0;
  const auto tasks = watched_tasks([&](engine::Task&, const data::Batch&) { ++trained; });
  const auto refusal = [&](std::vector<std::string> overrides) {
    overrides.insert(overrides.begin(), "model={name: mobilenet_v3_small, width_mult: 0.25}");
    return user_error([&] { train_in(folder / "run", tiny_watched(overrides), Resume::Never, tasks); });
  };
  const std::string why =
      ", and the batch norm features.2.block.1.1 sees one value of each channel of it, which has no variance";
  CHECK(refusal({"data.train_samples=33"}) ==
        "train.batch_size: leaves one of 33 samples for a batch of its own" + why +
            "; set data.drop_last: true, or take another batch size or data.batching");
  CHECK(refusal({"data.train_samples=37", "train.accumulate=4"}).find("train.batch_size: leaves one of 37 samples") ==
        0);
  CHECK(refusal({"train.accumulate=16"}) ==
        "train.batch_size: takes one sample at a time" + why + "; raise it, or lower train.accumulate");
  CHECK(trained == 0);
}

TEST_CASE("a batch of one sample is no matter where batch norm sees many pixels, or is frozen", "[engine]") {
  const TempDir folder;
  const auto result = train_in(folder / "pixels", tiny({"data.train_samples=33", "train.epochs=1"}));
  CHECK(result.summary["metrics"]["test/loss"].is_number());
  const std::vector<std::string> frozen = {"model={name: mobilenet_v3_small, width_mult: 0.25, freeze: [features]}",
                                           "data.train_samples=33", "train.epochs=1"};
  CHECK(train_in(folder / "frozen", tiny(frozen)).summary["metrics"]["test/loss"].is_number());
}

TEST_CASE("a look at one sample leaves the model as it is", "[engine]") {
  const auto resolved = tiny({"data.train_samples=33"});
  const auto task = recipes::tasks().make(resolved.recipe.task.kind, engine::TaskRequest{resolved.recipe, {}});
  const engine::Context context = engine::make_context(resolved.recipe.train);
  const engine::FrozenStages frozen(task->models(), {});
  nn::Layer& model = *task->models().front().second;
  nn::initialise(model, 1);
  std::vector<torch::Tensor> before;
  for (const auto& item : nn::state_dict(model)) before.push_back(item.second.clone());
  CHECK_FALSE(engine::leaves_lone_sample(resolved.recipe.train, {{}, {16, 32}}));
  CHECK_FALSE(engine::leaves_lone_sample(resolved.recipe.train, {{}, {16, 20, 36}}));
  CHECK(engine::leaves_lone_sample(resolved.recipe.train, {{}, {1, 17, 33}}));
  const engine::Epochs epochs(*task, resolved.recipe, task->source(data::Split::Train));
  engine::check_lone_samples({*task, resolved.recipe, context, frozen, epochs});
  const auto after = nn::state_dict(model);
  for (std::size_t i = 0; i < after.size(); ++i) CHECK(torch::equal(after[i].second, before[i]));
}
