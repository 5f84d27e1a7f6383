#include "engine/train/trainer.h"

#include <csignal>

#include <torch/types.h>
#include <torch/utils.h>

#include "engine/run/checkpoint.h"
#include "engine/train/training.h"

using namespace mlrun;
using namespace mlrun::test;
using engine::Resume;
using engine::TrainResult;

namespace {

constexpr int kStepsPerEpoch = 3;

/// Raises SIGTERM while the given step (from 1) is under way: the training stops after it.
WatchedTask::OnTrain stop_at(int step) {
  return [step, calls = std::make_shared<int>(0)](engine::Task&, const data::Batch&) {
    if (++*calls == step) std::raise(SIGTERM);
  };
}

/// Rows without what a clock wrote into them.
std::vector<Json> timeless(std::vector<Json> rows) {
  for (auto& row : rows) {
    for (const char* key : {"seconds", "images_per_s", "wait_share"}) row.erase(key);
  }
  return rows;
}

int occurrences(const std::string& text, const std::string& part) {
  int count = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

Json state_values(const std::filesystem::path& run) {
  Json values = Json::parse(last_file(run, "state.json"));
  values.erase("log_bytes");  // the log holds speeds
  return values;
}

/// Both runs ended with the same weights, state and figures.
void check_equal_runs(const std::filesystem::path& a, const std::filesystem::path& b) {
  CHECK(last_file(a, "model.safetensors") == last_file(b, "model.safetensors"));
  CHECK(last_file(a, "state.safetensors") == last_file(b, "state.safetensors"));
  CHECK(state_values(a) == state_values(b));
  CHECK(timeless(json_lines(a / "metrics.jsonl")) == timeless(json_lines(b / "metrics.jsonl")));
  const Json first = Json::parse(read_file(a / "run.json")), second = Json::parse(read_file(b / "run.json"));
  CHECK(first["result"] == second["result"]);
  CHECK(second["state"] == "finished");
  for (const auto& run : {a, b}) {
    const std::string log = read_file(run / "train.log");
    for (const char* epoch : {"1", "2", "3", "4"}) {
      INFO("epoch " << epoch << " in the log of " << run.string());
      CHECK(occurrences(log, std::string("epoch ") + epoch + "/4  loss ") == 1);
    }
  }
}

/// Trains whole, and stopped after `stop` steps and resumed: both must be the same run.
void check_stop_and_resume(const std::vector<std::string>& overrides, int stop) {
  const TempDir folder;
  const auto resolved = tiny_watched(overrides);
  CHECK(train_in(folder / "whole", resolved, Resume::Never, watched_tasks()).state == TrainResult::State::Finished);

  const auto stopped = train_in(folder / "parts", resolved, Resume::Auto, watched_tasks(stop_at(stop)));
  CHECK(stopped.state == TrainResult::State::Interrupted);
  CHECK(stopped.stopped_by == "SIGTERM");
  const Json info = Json::parse(read_file(folder / "parts" / "run.json"));
  CHECK(info["state"] == "interrupted");
  CHECK(info["step"] == stop);
  CHECK(last_file(folder / "parts", "model.safetensors") != last_file(folder / "whole", "model.safetensors"));

  const auto resumed = train_in(folder / "parts", resolved, Resume::Must, watched_tasks());
  CHECK(resumed.state == TrainResult::State::Finished);
  check_equal_runs(folder / "whole", folder / "parts");
}

}  // namespace

TEST_CASE("the number of loading workers does not change a bit of the weights", "[engine]") {
  const TempDir folder;
  std::string reference;
  for (const char* workers : {"0", "1", "2", "8"}) {
    const auto out = folder / (std::string("workers-") + workers);
    train_in(out, tiny({std::string("train.workers=") + workers, "train.epochs=3"}));
    const std::string weights = last_file(out, "model.safetensors");
    INFO("workers: " << workers);
    if (reference.empty()) reference = weights;
    else CHECK(weights == reference);
  }
  train_in(folder / "other-seed", tiny({"train.seed=4", "train.epochs=3"}));
  CHECK(last_file(folder / "other-seed", "model.safetensors") != reference);
}

TEST_CASE("a training that was stopped and resumed is the training that was not", "[engine]") {
  const std::string method = GENERATE("{name: sgd, lr: 0.05, momentum: 0.9, nesterov: true}", "{name: adamw, lr: 0.01}",
                                      "{name: rmsprop, lr: 0.01, momentum: 0.5}");
  const int stop = GENERATE(2 * kStepsPerEpoch, 2 * kStepsPerEpoch + 1, 1);
  INFO(method << " stopped at step " << stop);
  check_stop_and_resume({"optimizer=" + method}, stop);
}

TEST_CASE("so is one with images in channels-last order", "[engine]") {
  check_stop_and_resume({"train.memory_format=channels_last", "data.channels=3"}, kStepsPerEpoch + 2);
}

TEST_CASE("so is one with other samplers, precisions and memory", "[engine]") {
  const char* option = GENERATE("data.sampler=repeated_augmentation", "data.sampler=class_balanced",
                                "data.batching=aspect_ratio", "train.activation_checkpointing=true", "train.amp=bf16");
  INFO(option);
  check_stop_and_resume({option, "data.channels=3"}, kStepsPerEpoch + 2);
}

TEST_CASE("activation checkpointing does not change a bit of the weights", "[engine]") {
  const TempDir folder;
  train_in(folder / "kept", tiny({"train.epochs=2"}));
  train_in(folder / "recomputed", tiny({"train.epochs=2", "train.activation_checkpointing=true"}));
  CHECK(last_file(folder / "kept", "model.safetensors") == last_file(folder / "recomputed", "model.safetensors"));
}

TEST_CASE("a training that ran out of memory may go on with activation checkpointing", "[engine]") {
  const TempDir folder;
  train_in(folder / "whole", tiny());
  train_in(folder / "parts", tiny_watched(), Resume::Auto, watched_tasks(stop_at(4)));
  train_in(folder / "parts", tiny_watched({"train.activation_checkpointing=true"}), Resume::Must, watched_tasks());
  const auto whole = engine::read_checkpoint(folder / "whole" / "checkpoints" / "last"),
             parts = engine::read_checkpoint(folder / "parts" / "checkpoints" / "last");
  REQUIRE(whole.weights.size() == parts.weights.size());
  for (std::size_t i = 0; i < whole.weights.size(); ++i) {
    CHECK(whole.weights[i].second.equal(parts.weights[i].second));
  }
}

TEST_CASE("a training that crashed goes on from its last finished epoch", "[engine]") {
  const TempDir folder;
  const auto resolved = tiny_watched();
  train_in(folder / "whole", resolved, Resume::Never, watched_tasks());
  const auto crash = [calls = std::make_shared<int>(0)](engine::Task&, const data::Batch&) {
    if (++*calls == 2 * kStepsPerEpoch + 2) throw std::runtime_error("power cut");
  };
  CHECK_THROWS_AS(train_in(folder / "parts", resolved, Resume::Auto, watched_tasks(crash)), std::runtime_error);
  const Json failed = Json::parse(read_file(folder / "parts" / "run.json"));
  CHECK(failed["state"] == "failed");
  CHECK(failed["error"] == "power cut");
  CHECK(json_lines(folder / "parts" / "metrics.jsonl").back()["step"] == 2 * kStepsPerEpoch + 1);

  train_in(folder / "parts", resolved, Resume::Auto, watched_tasks());
  check_equal_runs(folder / "whole", folder / "parts");
  CHECK_FALSE(Json::parse(read_file(folder / "parts" / "run.json")).contains("error"));
}

TEST_CASE("a training learns what its data hold", "[engine]") {
  const TempDir folder;
  const auto result = train_in(folder / "run", tiny({"train.epochs=20", "model.width=8", "model.dropout=0"}));
  CHECK(result.summary["metrics"]["test/acc1"].get<double>() >= 90);
  const auto rows = json_lines(folder / "run" / "metrics.jsonl");
  CHECK(rows.back()["train/loss"].get<double>() < rows.front()["step/loss"].get<double>() / 2);
}

TEST_CASE("a loss that is not finite stops the training and names the step and its samples", "[engine]") {
  const TempDir folder;
  const auto resolved = tiny_watched();
  const auto spoil = [calls = std::make_shared<int>(0)](engine::Task& task, const data::Batch&) {
    if (++*calls != kStepsPerEpoch + 2) return;
    const torch::NoGradGuard no_gradients;
    task.models().front().second->parameters().front().fill_(NAN);
  };
  const std::string error =
      user_error([&] { train_in(folder / "run", resolved, Resume::Never, watched_tasks(spoil)); });
  CHECK(error.find("the loss is not finite at step 5 (samples ") == 0);
  CHECK(error.find("; lower optimizer.lr") != std::string::npos);
  CHECK(error.find(", gradient norms of the steps before: ") != std::string::npos);
  CHECK(error.find(", last good checkpoint: " + (folder / "run/checkpoints/step-00000003").string()) !=
        std::string::npos);
  const auto checkpoints = engine::list_checkpoints(folder / "run" / "checkpoints");
  REQUIRE(checkpoints.size() == 1);
  CHECK(checkpoints.front().filename() == "step-00000003");
  CHECK_NOTHROW(engine::read_checkpoint(checkpoints.front()));
  CHECK(Json::parse(read_file(folder / "run" / "run.json"))["state"] == "failed");
}

TEST_CASE("gradients that are not finite are never applied", "[engine]") {
  const TempDir folder;
  const auto resolved = tiny_watched({"train.clip_grad_norm=1"});
  const auto spoil = [calls = std::make_shared<int>(0)](engine::Task& task, const data::Batch&) {
    if (++*calls != 2) return;
    auto weight = task.models().front().second->parameters().back();
    weight.register_hook([](torch::Tensor gradient) { return gradient * INFINITY; });
  };
  const std::string error =
      user_error([&] { train_in(folder / "run", resolved, Resume::Never, watched_tasks(spoil)); });
  CHECK(error.find("the gradients are not finite at step 2 (samples ") == 0);
  CHECK(error.find(", no checkpoint was saved before; ") != std::string::npos);
}

TEST_CASE("weights that are not finite are never saved", "[engine]") {
  const TempDir folder;
  // The one step's loss and gradients are finite, its update is not.
  const std::string error = user_error([&] {
    train_in(folder / "run", tiny({"train.epochs=1", "train.batch_size=40", "optimizer.lr=1e39", "schedule=constant"}));
  });
  CHECK(error.find("weights are not finite: ") == 0);
  CHECK(error.find(" after step 1") != std::string::npos);
  CHECK(engine::list_checkpoints(folder / "run" / "checkpoints").empty());
}

TEST_CASE("a time budget stops a training after at least one step, and resume goes on", "[engine]") {
  const TempDir folder;
  const auto resolved = tiny();
  train_in(folder / "whole", resolved);
  auto budgeted = tiny({"train.max_time=0.000001 s"});
  int commands = 1;
  TrainResult result = train_in(folder / "parts", budgeted, Resume::Auto);
  CHECK(result.stopped_by == "train.max_time");
  CHECK(result.summary["step"] == 1);
  while (result.state == TrainResult::State::Interrupted && ++commands < 40) {
    result = train_in(folder / "parts", budgeted, Resume::Auto);
  }
  // Twelve steps, and after each epoch's last one its evaluation, which the budget stopped.
  CHECK(result.state == TrainResult::State::Finished);
  CHECK(commands >= 12);
  CHECK(read_file(folder / "whole/checkpoints/last/state.safetensors") ==
        read_file(folder / "parts/checkpoints/last/state.safetensors"));
  CHECK(timeless(json_lines(folder / "whole/metrics.jsonl")) == timeless(json_lines(folder / "parts/metrics.jsonl")));
}

TEST_CASE("an evaluation that is stopped is made anew on resume", "[engine]") {
  const TempDir folder;
  const auto resolved = tiny_watched({"data.val_samples=40"});
  train_in(folder / "whole", resolved, Resume::Never, watched_tasks());
  const auto stop_in_evaluation = watched_tasks({}, [calls = std::make_shared<int>(0)] {
    if (++*calls == 4) std::raise(SIGUSR1);  // the first of three batches of the second evaluation
  });
  const auto stopped = train_in(folder / "parts", resolved, Resume::Auto, stop_in_evaluation);
  CHECK(stopped.stopped_by == "SIGUSR1");
  CHECK(stopped.summary["step"] == 2 * kStepsPerEpoch);
  CHECK(json_lines(folder / "parts/metrics.jsonl").size() == 2 * kStepsPerEpoch - 1);
  CHECK(train_in(folder / "parts", resolved, Resume::Must, watched_tasks()).state == TrainResult::State::Finished);
  check_equal_runs(folder / "whole", folder / "parts");
}

TEST_CASE("a learning rate that is far too high is a user error, not a result", "[engine]") {
  const TempDir folder;
  const std::string error = user_error([&] {
    train_in(folder / "run", tiny({"optimizer.lr=1e30", "train.epochs=20", "schedule=constant"}));
  });
  CHECK(error.find(" not finite") != std::string::npos);
  CHECK(Json::parse(read_file(folder / "run" / "run.json"))["state"] == "failed");
}
