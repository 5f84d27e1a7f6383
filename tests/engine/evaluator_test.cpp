#include "engine/evaluator.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <torch/types.h>
#include <torch/utils.h>

#include "engine/expect.h"
#include "engine/run/faulty.h"

using namespace mlrun;
using namespace mlrun::test;
using engine::evaluate;
using engine::Evaluation;

namespace {

/// The counts among the details; the sums of probabilities depend in their last bits on the batches.
Json counts_of(const engine::Evaluation& evaluation) {
  Json details = evaluation.details;
  details.erase("calibration");
  return details;
}

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
        counts = counts_of(result);
        loss = result.find("loss")->value;
      }
      CHECK(counts_of(result) == counts);
      CHECK(result.find("loss")->value == Approx(loss).epsilon(1e-5));
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

TEST_CASE("metrics do not depend on the batches that samples came in", "[engine]") {
  // What holds: metrics see one sample after the other, in split order and in float64, so that from
  // equal logits they are equal to the bit. Logits of a sample may differ in their last bits with the
  // batch size, as the sums in a matrix product are then made in another order.
  const auto resolved = tiny({"data.test_samples=130"});
  const auto task = tiny_task(resolved);
  Json details;
  torch::Tensor logits;
  double loss = 0;
  for (const std::int64_t batch_size : {1, 7, 64}) {
    for (const std::int64_t workers : {0, 3}) {
      INFO("batches of " << batch_size << ", " << workers << " workers");
      std::vector<torch::Tensor> outputs;
      engine::EvaluateOptions options;
      options.batch_size = batch_size;
      options.observe = [&](const data::Batch&, const data::Fields& prediction) {
        outputs.push_back(prediction.tensor("logits"));
      };
      engine::Context context;
      context.workers = workers;
      const Evaluation result = evaluate(*task, data::Split::Test, context, options);
      const torch::Tensor all = torch::cat(outputs);
      if (!logits.defined()) {
        logits = all;
        details = counts_of(result);
        loss = result.find("loss")->value;
      }
      CHECK((all - logits).abs().max().item<double>() < 1e-5);
      CHECK(counts_of(result) == details);
      CHECK(result.find("loss")->value == Approx(loss).epsilon(1e-6));
      auto metrics = task->metrics(data::Split::Test);
      for (auto& metric : metrics) {
        std::int64_t at = 0;
        while (at < 130) {  // the same logits, in these batches
          const std::int64_t end = std::min<std::int64_t>(130, at + batch_size);
          std::vector<data::Sample> samples;
          for (std::int64_t i = at; i < end; ++i) samples.push_back(task->source(data::Split::Test)->get({i, 0, 0}));
          data::Fields prediction;
          prediction.set("logits", logits.narrow(0, at, end - at));
          metric->update(prediction, task->collate(std::move(samples)));
          at = end;
        }
        for (const auto& figure : metric->compute()) {
          if (figure.name == "loss") CHECK(figure.value == loss);
        }
      }
    }
  }
}

TEST_CASE("an evaluation does not count what it did not see", "[engine][skip]") {
  const auto resolved = tiny_watched({"data.on_error=skip"});
  FaultyTask task({resolved.recipe, {}}, {{data::Split::Test, {0, 3, 4, 19}}}, {});
  for (const auto& model : task.models()) nn::initialise(*model.second, 1);
  const engine::EvaluateOptions said = engine::evaluate_options(resolved.recipe);
  CHECK(said.on_error == data::OnError::Skip);
  CHECK(said.batch_size == 16);
  CHECK(engine::evaluate_options(tiny({"train.accumulate=4"}).recipe).batch_size == 4);
  CHECK(engine::evaluate_options(tiny({"train.accumulate=4", "train.eval_batch_size=7"}).recipe).batch_size == 7);
  for (const std::int64_t batch_size : {1, 2, 64}) {
    INFO("batches of " << batch_size);
    engine::EvaluateOptions options = said;
    options.batch_size = batch_size;
    std::int64_t last = 0;
    options.progress = [&](std::int64_t done, std::int64_t) { last = done; };
    const Evaluation result = evaluate(task, data::Split::Test, {}, options);
    CHECK(result.total == 20);
    CHECK(result.evaluated == 16);
    CHECK(result.details["accuracy"]["total"] == 16);
    CHECK(last == 20);
    REQUIRE(result.skipped.size() == 4);
    CHECK(result.skipped[1].id == "3.jpg");
    CHECK(result.skipped[3].index == 19);
  }
  CHECK(user_error([&] { evaluate(task, data::Split::Test, {}, {}); }) ==
        "photos/0.jpg: the image is cut short; mend or remove it");
}

TEST_CASE("a split of which nothing can be read is an error", "[engine][skip]") {
  const auto resolved = tiny_watched({"data.on_error=skip", "data.val_samples=3"});
  FaultyTask task({resolved.recipe, {}}, {{data::Split::Val, {0, 1, 2}}}, {});
  CHECK(user_error([&] { evaluate(task, data::Split::Val, {}, engine::evaluate_options(resolved.recipe)); }) ==
        "none of the 3 val samples can be read; the first: photos/0.jpg: the image is cut short; mend or remove it; "
        "set data.on_error to fail and mend the data");
}

TEST_CASE("outputs that are not finite are told by their samples, and no figure is true of them", "[engine]") {
  const auto resolved = tiny();
  const auto task = tiny_task(resolved);
  const TempDir folder;
  const Quiet quiet;
  // Weights may be finite and their sums not.
  const torch::NoGradGuard no_gradients;
  task->models().front().second->parameters().back().fill_(std::numeric_limits<float>::max());
  task->models().front().second->parameters().end()[-2].fill_(std::numeric_limits<float>::max());
  log::set_level(log::Level::Warning);
  log::set_file(folder / "log");
  const Evaluation result = evaluate(*task, data::Split::Test, {}, {});
  engine::EvaluateOptions silent;
  silent.warn_of_spoilt = false;
  CHECK(evaluate(*task, data::Split::Test, {}, silent).spoilt == result.spoilt);
  log::set_file("");
  REQUIRE(result.spoilt.size() == 20);
  for (const char* name : {"acc1", "loss", "brier", "ece"}) CHECK(std::isnan(result.find(name)->value));
  const std::string text =
      "the outputs for 20 of 20 test samples are not finite, so that their figures are not defined: 0, 1, 2, 3, 4 and "
      "15 more";
  CHECK(engine::spoilt_text(result) == text);
  const std::string log = read_file(folder / "log");
  CHECK(log.find(text) != std::string::npos);
  CHECK(log.find(text) == log.rfind(text));  // once
}

TEST_CASE("a sample is spoilt by a NaN or plus infinity among any of its outputs", "[engine]") {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  data::Batch batch;
  batch.ids = {"a", "b", "c", "d"};
  data::Fields prediction;
  prediction.set("logits", torch::tensor({{0.F, NAN}, {1.F, -kInfinity}, {0.F, 0.F}, {0.F, 0.F}}));
  prediction.set("boxes", torch::tensor({0.F, 0.F, 0.F, kInfinity}).view({4, 1, 1}));
  prediction.set("count", torch::tensor({1, 2, 3, 4}));
  prediction.set("whole", torch::tensor(NAN));  // of no sample
  CHECK(engine::spoilt_samples(batch, prediction) == std::vector<std::string>{"a", "d"});
}
