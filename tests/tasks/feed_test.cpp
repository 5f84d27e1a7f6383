// A task whose samples depend on what was learnt: its feed is an environment with a replay buffer.

#include "tasks/walk.h"

#include <algorithm>

#include "engine/feed.h"
#include "engine/run/checkpoint.h"
#include "engine/run/run_directory.h"
#include "engine/train/check.h"
#include "engine/train/dry_run.h"
#include "engine/train/rate_curve.h"
#include "engine/train/training.h"

using namespace mlrun;
using namespace mlrun::test;
using engine::Resume;
using engine::TrainResult;

namespace {

config::Resolved walk(const std::vector<std::string>& overrides = {}) {
  return resolve_text(R"(task: walk
model: small_network
data: {format: synthetic, augment: none, preprocess: none}
train: {length: 40 steps, evaluate: 10 steps, checkpoint: {every: 15 steps}, batch_size: 16, seed: 3, workers: 0,
        threads: 1, device: cpu, log_steps: 7}
optimizer: {name: adam, lr: 0.01, models: {actor: {lr: 0.005}}}
)",
                      overrides, toys::walk_catalogue());
}

TrainResult train_walk(const std::filesystem::path& run, const config::Resolved& resolved,
                       Resume resume = Resume::Never) {
  return train_in(run, resolved, resume, toys::walk_tasks());
}

std::vector<Json> timeless(const std::filesystem::path& run) {
  auto rows = json_lines(run / "metrics.jsonl");
  for (auto& row : rows) {
    for (const char* key : {"seconds", "moves_per_s", "wait_share"}) row.erase(key);
  }
  return rows;
}

}  // namespace

TEST_CASE("a task trains on what its own feed gives", "[tasks]") {
  const TempDir folder;
  const auto trained = train_walk(folder / "run", walk({"train.length=1000 steps", "train.evaluate=250 steps",
                                                        "optimizer.lr=0.03", "optimizer.models.actor.lr=0.001"}));
  REQUIRE(trained.state == TrainResult::State::Finished);
  const auto rows = timeless(folder / "run");
  const double found =
      engine::RunDirectory::open(folder / "run").info()["result"]["metrics"]["val/return"].get<double>();
  CHECK(found > -1.0);  // a walk that never gets there is worth -4 to -6
  CHECK(rows.back()["step"] == 1000);
  CHECK(rows.back().contains("train/critic_loss"));
  CHECK(rows.back().contains("lr/actor"));
  CHECK(rows.front().contains("step/loss/critic"));
  CHECK(rows.front()["step/lr/actor"] == 0.001);
  CHECK_FALSE(rows.front().contains("step/loss"));
}

TEST_CASE("a feed's state resumes to the same bits from anywhere", "[tasks]") {
  for (const char* accumulate : {"train.accumulate=1", "train.accumulate=4"}) {
    const TempDir folder;
    const std::vector<std::string> more = {accumulate, "train.length=12 steps", "train.evaluate=5 steps"};
    auto limited = more;
    limited.emplace_back("train.max_time=0.000001 s");
    train_walk(folder / "whole", walk(more));
    TrainResult result = train_walk(folder / "parts", walk(limited), Resume::Auto);
    int commands = 1;
    while (result.state == TrainResult::State::Interrupted && ++commands < 100) {
      result = train_walk(folder / "parts", walk(limited), Resume::Must);
    }
    CHECK(commands >= 12);
    CHECK(result.state == TrainResult::State::Finished);
    CHECK(last_file(folder / "whole", "state.safetensors") == last_file(folder / "parts", "state.safetensors"));
    const auto whole = engine::read_checkpoint(folder / "whole/checkpoints/last"),
               parts = engine::read_checkpoint(folder / "parts/checkpoints/last");
    CHECK(whole.state.has("trainer.feed.memory"));
    for (std::size_t i = 0; i < whole.weights.size(); ++i)
      CHECK(whole.weights[i].second.equal(parts.weights[i].second));
    CHECK(timeless(folder / "whole") == timeless(folder / "parts"));
  }
}

TEST_CASE("what was learnt decides what is replayed", "[tasks]") {
  const auto resolved = walk();
  const auto task = toys::walk_tasks().make(resolved.recipe.task.kind, {resolved.recipe, {}});
  engine::draw_weights(task->models(), 3);
  const auto rows_after = [&](double surprise) {
    const auto feed = task->feed(engine::Context());
    const auto first = feed->next();
    feed->feedback({{"rows", torch::tensor(first->batch.indices)}, {"error", torch::full({16}, surprise)}});
    return std::make_pair(first->batch.indices, feed->next()->batch.indices);
  };
  const auto calm = rows_after(0), startled = rows_after(100);
  CHECK(calm.first == startled.first);
  CHECK(calm.second != startled.second);
  // What startled is nearly all that is seen again.
  for (const auto row : startled.second) {
    CHECK(std::count(startled.first.begin(), startled.first.end(), row) > 0);
  }
}

TEST_CASE("a training without epochs wants its length in steps, before it begins", "[tasks]") {
  const Quiet quiet;
  const auto refusal = [&](const std::vector<std::string>& overrides) {
    const std::string of_check = user_error([&] { engine::check_training(toys::walk_tasks(), walk(overrides)); });
    CHECK(user_error([&] { train_walk(TempDir() / "run", walk(overrides)); }) == of_check);
    return of_check;
  };
  CHECK(refusal({"train.epochs=3"}) ==
        "train.epochs: the samples of this task come without epochs; give train.length in steps");
  CHECK(refusal({"train.length=3 epochs"}) ==
        "train.length: the samples of this task come without epochs; give train.length in steps");
  const auto check = engine::check_training(toys::walk_tasks(), walk());
  REQUIRE(check.plan);
  CHECK(check.plan->steps() == 40);
  CHECK(engine::dry_run(toys::walk_tasks(), walk()).plan.steps() == 40);
  const auto curve = engine::rate_curve(toys::walk_tasks(), walk().recipe, std::nullopt);
  CHECK(curve.assumption.empty());
  CHECK(curve.by_model.at("actor").size() == 40);
}
