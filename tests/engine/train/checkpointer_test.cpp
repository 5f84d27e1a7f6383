#include "engine/train/checkpointer.h"

#include <csignal>
#include <set>

#include <torch/types.h>

#include "base/paths.h"
#include "engine/train/training.h"

using namespace mlrun;
using namespace mlrun::test;
using engine::Resume;
using engine::TrainResult;

namespace fs = std::filesystem;

namespace {

std::set<std::int64_t> saved_steps(const fs::path& run) {
  std::set<std::int64_t> steps;
  for (const auto& path : engine::list_checkpoints(run / "checkpoints")) steps.insert(engine::checkpoint_step(path));
  return steps;
}

/// As a process leaves a run that is killed.
void mark_killed(const fs::path& run) {
  Json info = Json::parse(read_file(run / "run.json"));
  info["state"] = "running";
  info.erase("result");
  write_file(run / "run.json", json_text(info));
}

void damage(const fs::path& checkpoint) {
  const fs::path file = checkpoint / "state.safetensors";
  fs::resize_file(file, fs::file_size(file) - 3);
}

/// Ends the process's training in the middle of step `step` (from 1), as a crash does.
WatchedTask::OnTrain crash_at(int step) {
  return [step, calls = std::make_shared<int>(0)](engine::Task&, const data::Batch&) {
    if (++*calls == step) throw std::runtime_error("power cut");
  };
}

}  // namespace

TEST_CASE("checkpoints come by step, also in the middle of an epoch", "[engine]") {
  const TempDir folder;
  train_in(folder / "run",
           tiny({"train.checkpoint.every=2 steps", "train.checkpoint.keep=99", "train.select=val/acc1"}));
  const auto steps = saved_steps(folder / "run");
  for (const std::int64_t step : {2, 4, 6, 8, 10, 12}) CHECK(steps.count(step) == 1);
  CHECK(steps.count(5) == 0);
  CHECK(steps.count(7) == 0);
}

TEST_CASE("checkpoints come by time and by share of the training", "[engine]") {
  const TempDir folder;
  train_in(folder / "time", tiny({"train.checkpoint.every=0 s", "train.checkpoint.keep=99"}));
  CHECK(saved_steps(folder / "time").size() == 12);
  train_in(folder / "long", tiny({"train.checkpoint.every=10 min", "train.checkpoint.keep=99", "data.val_samples=0"}));
  CHECK(saved_steps(folder / "long") == std::set<std::int64_t>{12});  // the end alone
  train_in(folder / "share", tiny({"train.checkpoint.every=50 %", "train.checkpoint.keep=1", "train.epochs=3"}));
  CHECK(saved_steps(folder / "share").count(9) == 1);
}

TEST_CASE("a crash costs no more than the steps since the last checkpoint", "[engine]") {
  const TempDir folder;
  const auto resolved = tiny_watched({"train.checkpoint.every=2 steps", "train.accumulate=2"});
  train_in(folder / "whole", resolved, Resume::Never, watched_tasks());
  // Micro-batch 10 is in step 5; steps 1 to 4 are safe.
  CHECK_THROWS(train_in(folder / "parts", resolved, Resume::Auto, watched_tasks(crash_at(9))));
  CHECK(*saved_steps(folder / "parts").rbegin() == 4);
  CHECK(train_in(folder / "parts", resolved, Resume::Auto, watched_tasks()).state == TrainResult::State::Finished);
  CHECK(last_file(folder / "whole", "model.safetensors") == last_file(folder / "parts", "model.safetensors"));
  CHECK(last_file(folder / "whole", "state.safetensors") == last_file(folder / "parts", "state.safetensors"));
}

TEST_CASE("a damaged newest checkpoint is reported and the one before it is used", "[engine]") {
  const TempDir folder;
  const fs::path run = folder / "run";
  const auto first = train_in(run, tiny({"train.checkpoint.keep=99", "train.checkpoint.every=1 step"}));
  const std::string weights = last_file(run, "model.safetensors");
  mark_killed(run);
  damage(run / "checkpoints/step-00000012");
  damage(run / "checkpoints/step-00000011");
  const auto again = train_in(run, tiny({"train.checkpoint.keep=99", "train.checkpoint.every=1 step"}), Resume::Auto);
  CHECK(again.state == TrainResult::State::Finished);
  CHECK(last_file(run, "model.safetensors") == weights);
  CHECK(fs::exists(run / "checkpoints/damaged-step-00000012/state.safetensors"));
  CHECK(fs::exists(run / "checkpoints/damaged-step-00000011"));
  CHECK_NOTHROW(engine::verify_checkpoint(run / "checkpoints/step-00000012"));
  const auto rows = json_lines(run / "metrics.jsonl");
  REQUIRE(rows.size() == 12);
  for (std::size_t i = 0; i < rows.size(); ++i) CHECK(rows[i]["step"] == i + 1);
}

TEST_CASE("a checkpoint that was renamed to a later step is not taken for that step", "[engine]") {
  const TempDir folder;
  const fs::path run = folder / "run";
  const std::vector<std::string> options = {"train.checkpoint.keep=99", "train.checkpoint.every=1 step"};
  train_in(run, tiny(options));
  const std::string weights = last_file(run, "model.safetensors");
  mark_killed(run);
  const fs::path checkpoints = run / "checkpoints";
  remove_tree(checkpoints / "step-00000012");
  remove_tree(checkpoints / "step-00000011");
  fs::rename(checkpoints / "step-00000004", checkpoints / "step-00000011");
  CHECK(train_in(run, tiny(options), Resume::Auto).state == TrainResult::State::Finished);
  CHECK(last_file(run, "model.safetensors") == weights);
  CHECK(fs::exists(checkpoints / "damaged-step-00000011/state.safetensors"));

  // Another step in the manifest does not make it that step's.
  mark_killed(run);
  for (const char* name : {"step-00000012", "step-00000011", "damaged-step-00000011"}) remove_tree(checkpoints / name);
  fs::rename(checkpoints / "step-00000005", checkpoints / "step-00000011");
  Json manifest = Json::parse(read_file(checkpoints / "step-00000011/manifest.json"));
  manifest["step"] = 11;
  write_file(checkpoints / "step-00000011/manifest.json", manifest.dump());
  CHECK(user_error([&] { train_in(run, tiny(options), Resume::Auto); }) ==
        (checkpoints / "last/state.json").string() +
            ": is of step 5, and its checkpoint of step 11; restore the folder from a backup, or train again with "
            "another --out");
}

TEST_CASE("a checkpoint of a later mlrun is not set aside", "[engine]") {
  const TempDir folder;
  const fs::path run = folder / "run", manifest = run / "checkpoints/step-00000003/manifest.json";
  train_in(run, tiny({"train.epochs=1"}));
  mark_killed(run);
  Json later = Json::parse(read_file(manifest));
  later["schema"] = 2;
  write_file(manifest, later.dump());
  CHECK_THAT(user_error([&] { train_in(run, tiny({"train.epochs=1"}), Resume::Auto); }),
             Catch::Matchers::StartsWith(manifest.string() + ": was written with schema 2"));
  CHECK(fs::exists(manifest));
}

TEST_CASE("a run whose checkpoints are all damaged says so and keeps them", "[engine]") {
  const TempDir folder;
  const fs::path run = folder / "run";
  train_in(run, tiny({"train.epochs=1"}));
  mark_killed(run);
  damage(run / "checkpoints/step-00000003");
  const std::string error = user_error([&] { train_in(run, tiny({"train.epochs=1"}), Resume::Auto); });
  CHECK(error.find("step-00000003/state.safetensors: is damaged: it has ") != std::string::npos);
  CHECK(error.find(", and no earlier checkpoint is intact; ") != std::string::npos);
  CHECK(fs::exists(run / "checkpoints/step-00000003"));
}

TEST_CASE("a checkpoint that only cannot be read now is not set aside", "[engine]") {
  const TempDir folder;
  const fs::path run = folder / "run";
  train_in(run, tiny({"train.epochs=1"}));
  mark_killed(run);
  const fs::path file = run / "checkpoints/step-00000003/state.json";
  remove_tree(file);
  fs::create_directory(file);  // reading it fails with another reason than damage
  CHECK(user_error([&] { train_in(run, tiny({"train.epochs=1"}), Resume::Auto); }).find("cannot be read") !=
        std::string::npos);
  CHECK(fs::exists(run / "checkpoints/step-00000003"));
}

TEST_CASE("a damaged best that is not the newest counts as lost", "[engine]") {
  const TempDir folder;
  const fs::path run = folder / "run";
  // With this rate everything gets worse: the best is the first epoch's.
  const std::vector<std::string> options = {"train.epochs=3", "optimizer.lr=3", "schedule=constant",
                                            "train.select=val/loss"};
  train_in(run, tiny(options));
  mark_killed(run);
  const fs::path best = run / "checkpoints" / fs::read_symlink(run / "checkpoints/best");
  REQUIRE(best.filename() == "step-00000003");
  damage(best);
  CHECK(train_in(run, tiny(options), Resume::Auto).state == TrainResult::State::Finished);
  CHECK(fs::read_symlink(run / "checkpoints/best") == "step-00000009");
}

TEST_CASE("of equal epochs the latest is the best", "[engine]") {
  const TempDir folder;
  const fs::path run = folder / "run";
  train_in(run, tiny({"train.epochs=3", "optimizer.lr=1e-12", "train.select=val/acc1"}));
  CHECK(fs::read_symlink(run / "checkpoints/best") == "step-00000009");
}

TEST_CASE("where the best weights are lost, `best` begins anew", "[engine]") {
  const TempDir folder;
  const fs::path run = folder / "run";
  train_in(run, tiny({"train.epochs=2"}));
  mark_killed(run);
  const auto best = fs::read_symlink(run / "checkpoints/best");
  const auto last = fs::read_symlink(run / "checkpoints/last");
  if (best == last) SUCCEED("the best is the last: nothing can be lost");
  else remove_tree(run / "checkpoints" / best);
  CHECK(train_in(run, tiny({"train.epochs=2"}), Resume::Auto).state == TrainResult::State::Finished);
  CHECK(fs::exists(run / "checkpoints/best/model.safetensors"));
}
