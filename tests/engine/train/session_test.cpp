#include "engine/train/session.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include <torch/types.h>

#include "engine/run/checkpoint.h"
#include "engine/train/dry_run.h"
#include "engine/train/training.h"
#include "weights/safetensors.h"

using namespace mlrun;
using namespace mlrun::test;
using engine::Resume;
using engine::TrainResult;

namespace fs = std::filesystem;

namespace {

std::set<std::string> file_names(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.insert(entry.path().filename().string());
  return names;
}

/// Every file below a folder with its bytes; links with their targets.
std::map<std::string, std::string> contents(const fs::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const std::string name = entry.path().lexically_relative(folder).string();
    if (entry.is_symlink()) files[name] = fs::read_symlink(entry.path()).string();
    else files[name] = entry.is_regular_file() ? read_file(entry.path()) : "";
  }
  return files;
}

Json run_json(const fs::path& run) { return Json::parse(read_file(run / "run.json")); }

}  // namespace

TEST_CASE("a run directory is laid out as documented", "[engine]") {
  const TempDir folder;
  const fs::path run = folder / "run";
  const auto result = train_in(run, tiny());
  CHECK(result.state == TrainResult::State::Finished);
  CHECK(result.run == run);
  CHECK(file_names(run) == std::set<std::string>{".lock", "checkpoints", "metrics.csv", "metrics.jsonl", "recipe.yaml",
                                                 "run.json", "tensorboard", "train.log"});
  const auto checkpoints = engine::list_checkpoints(run / "checkpoints");
  REQUIRE_FALSE(checkpoints.empty());
  for (const auto& path : checkpoints) {
    CHECK(file_names(path) ==
          std::set<std::string>{"manifest.json", "model.safetensors", "state.json", "state.safetensors"});
  }
  CHECK(fs::read_symlink(run / "checkpoints" / "last") == "step-00000012");
  CHECK(fs::read_symlink(run / "checkpoints" / "best").string().find("step-") == 0);
  CHECK(fs::exists(run / "checkpoints" / "best" / "model.safetensors"));
}

TEST_CASE("run.json tells where a run comes from and what it reached", "[engine]") {
  const TempDir folder;
  const auto resolved = tiny();
  const auto result = train_in(folder / "run", resolved);
  const Json info = run_json(folder / "run");
  for (const char* key : {"schema", "version", "commit", "libtorch", "choices", "started", "finished", "updated"}) {
    INFO(key);
    CHECK(info.contains(key));
  }
  CHECK(info["state"] == "finished");
  CHECK(info["command"] == "mlrun train tiny.yaml");
  CHECK(info["seed"] == 3);
  CHECK(info["device"] == "cpu");
  CHECK(info["threads"] == 1);
  CHECK(info["workers"] == 0);
  CHECK(info["step"] == 12);
  CHECK(info["recipe"] == resolved.values);
  CHECK(info["data"]["name"] == "synthetic");
  CHECK(info["data"]["classes"] == Json{"0", "1", "2", "3"});
  CHECK(info["data"]["fingerprint"].get<std::string>().size() == 64);
  CHECK(info["result"] == result.summary);
  CHECK(info["result"]["best"]["metric"] == "val/acc1");
  CHECK(info["result"]["metrics"].contains("test/acc1"));
}

TEST_CASE("metrics hold a row for each recorded step and each epoch", "[engine]") {
  const TempDir folder;
  train_in(folder / "run", tiny());
  const auto rows = json_lines(folder / "run" / "metrics.jsonl");
  REQUIRE(rows.size() == 12);  // each epoch's last step is the epoch's row
  for (std::size_t i = 0; i < rows.size(); ++i) {
    CHECK(rows[i]["step"] == i + 1);
    CHECK(rows[i].contains("val/acc1") == (i % 3 == 2));
    CHECK(rows[i].contains("step/loss") == (i % 3 != 2));
  }
  const std::string csv = read_file(folder / "run" / "metrics.csv");
  CHECK(std::count(csv.begin(), csv.end(), '\n') == 13);
  const std::string log = read_file(folder / "run" / "train.log");
  CHECK(log.find("epoch 4/4  loss ") != std::string::npos);
}

TEST_CASE("best is the best epoch, the latest one among equals, and only some checkpoints stay", "[engine]") {
  const TempDir folder;
  const fs::path run = folder / "run";
  train_in(run, tiny({"train.epochs=8", "train.checkpoint.keep=2"}));
  double best = -1;
  std::int64_t step = 0, epoch = 0, best_epoch = 0;
  for (const auto& row : json_lines(run / "metrics.jsonl")) {
    if (!row.contains("val/acc1")) continue;
    ++epoch;
    if (row["val/acc1"].get<double>() < best) continue;
    best = row["val/acc1"].get<double>();
    step = row["step"].get<std::int64_t>();
    best_epoch = epoch;
  }
  CHECK(engine::checkpoint_step(fs::read_symlink(run / "checkpoints" / "best")) == step);
  const Json kind = {{"better", "higher"}, {"digits", 2}, {"unit", "%"}};
  Json expected = {{"metric", "val/acc1"}, {"value", best}, {"step", step}, {"epoch", best_epoch}};
  expected.update(kind);
  CHECK(run_json(run)["result"]["best"] == expected);
  CHECK(run_json(run)["result"]["figures"]["val/acc1"] == kind);
  CHECK(run_json(run)["result"]["figures"]["test/loss"]["better"] == "lower");
  const auto left = engine::list_checkpoints(run / "checkpoints");
  CHECK(left.size() == (step >= 21 ? 2U : 3U));
  CHECK(left.back().filename() == "step-00000024");
}

TEST_CASE("train.select chooses the best by another figure, and a wrong name is refused", "[engine]") {
  const TempDir folder;
  train_in(folder / "run", tiny({"train.select=val/loss"}));
  double least = 1e9;
  for (const auto& row : json_lines(folder / "run" / "metrics.jsonl")) {
    if (row.contains("val/loss")) least = std::min(least, row["val/loss"].get<double>());
  }
  CHECK(run_json(folder / "run")["result"]["best"]["value"] == least);
  const std::string error = user_error([&] { train_in(folder / "wrong", tiny({"train.select=val/map"})); });
  CHECK(error.find("train.select: 'val/map' is not measured during training; choose one of val/acc1, ") !=
        std::string::npos);
  CHECK(user_error([&] {
          train_in(folder / "wrong", tiny({"train.select=val/acc1", "data.val_samples=0"}));
        }).find("train.select: 'val/acc1' cannot be measured: the data set 'synthetic' has no val split") !=
        std::string::npos);
}

TEST_CASE("without a validation split best is the last", "[engine]") {
  const TempDir folder;
  const auto result = train_in(folder / "run", tiny({"data.val_samples=0"}));
  CHECK(fs::read_symlink(folder / "run" / "checkpoints" / "best") == "step-00000012");
  CHECK_FALSE(result.summary.contains("best"));
  CHECK(result.summary["metrics"].contains("test/acc1"));
}

TEST_CASE("epochs between evaluations and checkpoints are skipped", "[engine]") {
  const TempDir folder;
  train_in(folder / "run", tiny({"train.epochs=5", "train.evaluate=2 epochs", "train.checkpoint.every=3 epochs",
                                 "train.checkpoint.keep=99", "train.log_steps=1000"}));
  const auto rows = json_lines(folder / "run" / "metrics.jsonl");
  REQUIRE(rows.size() == 5);
  for (std::size_t i = 0; i < rows.size(); ++i) CHECK(rows[i].contains("val/acc1") == (i == 1 || i == 3 || i == 4));
  std::set<std::int64_t> steps;
  for (const auto& path : engine::list_checkpoints(folder / "run" / "checkpoints")) {
    steps.insert(engine::checkpoint_step(path));
  }
  CHECK(steps.count(3) == 0);   // neither evaluated nor due
  CHECK(steps.count(6) == 1);   // the first evaluation is the best so far
  CHECK(steps.count(9) == 1);   // due
  CHECK(steps.count(15) == 1);  // the end
}

TEST_CASE("auto on a finished run does nothing", "[engine]") {
  const TempDir folder;
  const fs::path run = folder / "run";
  const auto first = train_in(run, tiny(), Resume::Auto);
  std::map<std::string, std::string> before;
  for (const char* name : {"run.json", "recipe.yaml", "metrics.jsonl", "metrics.csv", "train.log"}) {
    before[name] = read_file(run / name);
  }
  const auto again = train_in(run, tiny({"train.workers=1"}), Resume::Auto);
  CHECK(again.state == TrainResult::State::AlreadyFinished);
  CHECK(again.summary == first.summary);
  for (const auto& [name, content] : before) {
    INFO(name);
    CHECK(read_file(run / name) == content);
  }
  CHECK(user_error([&] { train_in(run, tiny()); }).find("already holds a run") != std::string::npos);
}

TEST_CASE("a run whose last epoch is saved but not summed up is finished on resume", "[engine]") {
  const TempDir folder;
  const fs::path run = folder / "run";
  const auto first = train_in(run, tiny());
  Json info = run_json(run);
  info["state"] = "running";  // as a process leaves it that is killed
  info.erase("result");
  write_file(run / "run.json", json_text(info));
  fs::remove(run / "checkpoints" / "best");
  const auto again = train_in(run, tiny(), Resume::Must);
  CHECK(again.state == TrainResult::State::Finished);
  CHECK(again.summary == first.summary);
  CHECK(read_file(run / "train.log").find("epoch 4/4") != std::string::npos);
}

TEST_CASE("a run whose data have changed is refused", "[engine]") {
  const TempDir folder;
  const fs::path run = folder / "run";
  train_in(run, tiny());
  Json info = run_json(run);
  info["state"] = "interrupted";
  info["data"]["fingerprint"] = "0000";
  write_file(run / "run.json", json_text(info));
  CHECK(user_error([&] { train_in(run, tiny(), Resume::Auto); }).find("the data set has changed") != std::string::npos);
}

TEST_CASE("expectations are judged at the end of a training", "[engine]") {
  const TempDir folder;
  const auto result = train_in(
      folder / "run",
      tiny({"expect=[{metric: test/acc1, value: 0, direction: at_least}, {metric: test/acc1, value: 101, direction: "
            "at_least}, {metric: test/acc1, value: 50, when: {samples: 3}}, {metric: test/map, value: 1}]"}));
  REQUIRE(result.verdicts.size() == 4);
  CHECK(result.verdicts[0].outcome == engine::Outcome::Met);
  CHECK(result.verdicts[1].outcome == engine::Outcome::Differs);
  CHECK(result.verdicts[2].outcome == engine::Outcome::NotComparable);
  CHECK(result.verdicts[3].outcome == engine::Outcome::NotRun);
  CHECK(run_json(folder / "run")["result"]["expect"][1]["verdict"] == "differs");
}

TEST_CASE("weights carry their recipe, classes and preprocessing", "[engine]") {
  const TempDir folder;
  const auto resolved = tiny();
  train_in(folder / "run", resolved);
  const auto file = weights::read_safetensors(folder / "run" / "checkpoints" / "last" / "model.safetensors");
  CHECK(file.metadata.at("format") == "pt");
  CHECK(file.metadata.at("classes") == R"(["0","1","2","3"])");
  CHECK(file.metadata.at("step") == "12");
  CHECK(Json::parse(file.metadata.at("preprocessing"))["transforms"] == resolved.values["data"]["preprocess"]);
  const TempDir copy;
  const auto again = config::resolve({copy.write("recipe.yaml", file.metadata.at("recipe")), {}}, recipes::catalogue());
  Json expected = resolved.values, carried = again.values;
  for (Json* values : {&expected, &carried}) (*values)["train"].erase("workers");
  for (Json* values : {&expected, &carried}) (*values)["train"].erase("log_steps");
  CHECK(carried == expected);
}

TEST_CASE("a dry run measures and writes nothing", "[engine]") {
  const Quiet quiet;
  const TempDir folder;
  const auto resolved = tiny({"train.batch_size=4"});
  const auto result = engine::dry_run(recipes::tasks(), resolved);
  CHECK(result.plan.epochs == 4);
  CHECK(result.plan.steps_per_epoch == 10);
  CHECK(result.plan.samples == 40);
  CHECK(result.steps == 8);
  CHECK(result.seconds_per_step > 0);
  CHECK(result.seconds_per_epoch == Approx(result.seconds_per_step * 10));
  CHECK(result.wait_share >= 0);
  CHECK(result.wait_share <= 1);
  CHECK(result.peak_memory > 1 << 20);
  CHECK(result.checkpoints == 5);
  train_in(folder / "run", resolved);
  const auto file = weights::read_safetensors(folder / "run" / "checkpoints" / "last" / "model.safetensors");
  std::int64_t bytes = 0, parameters = 0;
  for (const auto& [name, tensor] : file.tensors) {
    bytes += static_cast<std::int64_t>(tensor.nbytes());
    if (name.find("running_") == std::string::npos && name.find("num_batches") == std::string::npos) {
      parameters += tensor.numel();
    }
  }
  CHECK(result.parameters == parameters);
  CHECK(result.checkpoint_bytes == bytes + parameters * 4);  // weights, buffers and momentum
  CHECK(user_error([] {
          engine::dry_run(recipes::tasks(), tiny({"train.batch_size=64"}));
        }).find("too short to be timed") != std::string::npos);
}

TEST_CASE("a training whose folder another one has taken ends, and leaves the other's alone", "[engine]") {
  for (const bool anew : {false, true}) {
    const TempDir folder;
    const fs::path run = folder / "run";
    const auto resolved = tiny_watched({"train.checkpoint.every=2 steps"});
    std::map<std::string, std::string> files;
    std::optional<engine::RunDirectory> other;
    const auto replace_at_5 = [&, calls = 0](engine::Task&, const data::Batch&) mutable {
      if (++calls != 5) return;
      fs::remove_all(run);
      if (!anew) return;
      train_in(folder / "other", tiny({"train.epochs=1"}));
      clear_stop_signal();
      fs::rename(folder / "other", run);
      other.emplace(engine::RunDirectory::claim(run, tiny({"train.epochs=1"}), Resume::Auto));
      files = contents(run);
    };
    CHECK(user_error([&] { train_in(run, resolved, Resume::Never, watched_tasks(replace_at_5)); }) ==
          run.string() +
              ": was removed, moved or replaced while this training wrote it; nothing more is written; leave the "
              "folder of a training alone; start this one again with another --out");
    if (anew) CHECK(contents(run) == files);
    else CHECK_FALSE(fs::exists(run));
  }
}
