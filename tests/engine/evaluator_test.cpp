#include "engine/evaluator.h"

#include <torch/torch.h>

#include "engine/training.h"

using namespace mlrun;
using namespace mlrun::test;
using engine::evaluate;
using engine::Evaluation;

namespace {

std::unique_ptr<engine::Task> tiny_task(const config::Resolved& resolved) {
  auto task = recipes::tasks().make(resolved.recipe.task.kind, engine::TaskRequest{resolved.recipe, {}});
  for (const auto& model : task->models()) nn::initialise(*model.second, 1);
  return task;
}

}  // namespace

TEST_CASE("an evaluation sees every sample once, whatever the batches and workers", "[engine]") {
  const auto resolved = tiny();
  const auto task = tiny_task(resolved);
  Json counts;
  double loss = 0;
  for (const std::int64_t batch_size : {1, 7, 20, 64}) {
    for (const std::int64_t workers : {0, 2}) {
      INFO("batches of " << batch_size << ", " << workers << " workers");
      std::vector<std::int64_t> seen, done;
      engine::EvaluateOptions options;
      options.batch_size = batch_size;
      options.observe = [&](const data::Batch& batch, const data::Fields& prediction) {
        seen.insert(seen.end(), batch.indices.begin(), batch.indices.end());
        CHECK(prediction.tensor("logits").size(0) == batch.size());
        CHECK_FALSE(prediction.tensor("logits").requires_grad());
      };
      options.progress = [&](std::int64_t now, std::int64_t total) {
        done.push_back(now);
        CHECK(total == 20);
      };
      engine::Context context;
      context.workers = workers;
      const Evaluation result = evaluate(*task, data::Split::Test, context, options);
      CHECK(result.total == 20);
      CHECK(result.evaluated == 20);
      CHECK(done.back() == 20);
      REQUIRE(seen.size() == 20);
      for (std::int64_t i = 0; i < 20; ++i) CHECK(seen[static_cast<std::size_t>(i)] == i);
      if (counts.is_null()) {
        counts = result.details;
        loss = *result.find("loss");
      }
      CHECK(result.details == counts);
      CHECK(*result.find("loss") == Approx(loss).epsilon(1e-5));
      CHECK(result.find("acc5") == nullptr);  // of 4 classes
    }
  }
  CHECK(counts["accuracy"]["total"] == 20);
}

TEST_CASE("an evaluation leaves the models in evaluation mode and their buffers alone", "[engine]") {
  const auto resolved = tiny();
  const auto task = tiny_task(resolved);
  nn::Layer& model = *task->models().front().second;
  model.train();
  std::vector<torch::Tensor> before;
  for (const auto& buffer : model.buffers()) before.push_back(buffer.clone());
  evaluate(*task, data::Split::Val, {}, {});
  CHECK_FALSE(model.is_training());
  const auto after = model.buffers();
  for (std::size_t i = 0; i < after.size(); ++i) CHECK(after[i].equal(before[i]));
}

TEST_CASE("a split that the data set does not have is a user error", "[engine]") {
  const auto resolved = tiny({"data.val_samples=0"});
  const auto task = tiny_task(resolved);
  CHECK(user_error([&] { evaluate(*task, data::Split::Val, {}, {}); }) ==
        "the data set 'synthetic' has no val samples; choose another --split or give data.split a share for it");
}
