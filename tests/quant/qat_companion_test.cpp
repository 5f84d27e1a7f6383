#include "quant/qat_companion.h"

#include <algorithm>
#include <csignal>

#include <torch/types.h>

#include "engine/run/checkpoint.h"
#include "engine/run/model_state.h"
#include "engine/train/training.h"
#include "quant/engine.h"
#include "quant/runner.h"

using namespace mlrun;
using namespace mlrun::test;
using engine::Resume;
using engine::TrainResult;

namespace {

const std::vector<std::string> kQat = {"quantize=qat", "train.epochs=3", "quantize.bn_freeze_epoch=2",
                                       "quantize.observer_freeze_epoch=2"};

std::vector<std::string> with(std::vector<std::string> overrides) {
  overrides.insert(overrides.begin(), kQat.begin(), kQat.end());
  return overrides;
}

TrainResult train_int8(const std::filesystem::path& out, const std::vector<std::string>& overrides,
                       Resume resume = Resume::Never, const WatchedTask::OnTrain& on_train = {}) {
  return train_in(out, tiny_watched(with(overrides)), resume, watched_tasks(on_train), quant::qat_companion);
}

/// Raises SIGTERM while the given step (from 1) is under way.
WatchedTask::OnTrain stop_at(int step) {
  return [step, calls = std::make_shared<int>(0)](engine::Task&, const data::Batch&) {
    if (++*calls == step) std::raise(SIGTERM);
  };
}

engine::Checkpoint last_checkpoint(const std::filesystem::path& run) {
  return engine::read_checkpoint(run / "checkpoints" / "last");
}

std::vector<Json> evaluations(const std::filesystem::path& run) {
  std::vector<Json> rows;
  for (const auto& row : json_lines(run / "metrics.jsonl")) {
    if (row.contains("val/acc1")) rows.push_back(row);
  }
  return rows;
}

std::string refusal(const std::vector<std::string>& overrides) {
  const TempDir folder;
  return user_error([&] { train_int8(folder / "run", overrides); });
}

}  // namespace

TEST_CASE("training for int8 evaluates the converted copy in each epoch", "[quant][qat]") {
  const TempDir folder;
  const auto result = train_int8(folder / "run", {"train.select=val/int8_acc1", "averaging=ema"});
  CHECK(result.state == TrainResult::State::Finished);
  const auto rows = evaluations(folder / "run");
  REQUIRE(rows.size() == 3);
  for (const auto& row : rows) {
    for (const char* name : {"val/int8_acc1", "val/int8_loss", "val/ema_acc1", "val/ema_int8_acc1"}) {
      INFO(name);
      CHECK(row.contains(name));
    }
    CHECK(row["val/int8_loss"] != row["val/loss"]);
  }
  CHECK(result.summary["best"]["metric"] == "val/int8_acc1");
  CHECK(result.summary["metrics"].contains("test/int8_acc1"));
  const Json info = Json::parse(read_file(folder / "run" / "run.json"));
  CHECK(info["choices"]["int8_engine"] == quant::choose_engine("auto"));
  CHECK(info["choices"]["reduce_range"].is_boolean());
  const engine::Checkpoint last = last_checkpoint(folder / "run");
  CHECK(last.weights.size() == 32);
  for (const auto& [name, tensor] : last.weights) {
    INFO(name << " is a float model's");
    CHECK(name.find("fake") == std::string::npos);
    CHECK_FALSE(tensor.is_quantized());
  }
}

TEST_CASE("a training for int8 resumes to the same bits", "[quant][qat]") {
  for (const int stop : {1, 3, 4, 7}) {
    INFO("stopped after step " << stop);
    const TempDir folder;
    const std::vector<std::string> overrides = {"averaging=ema"};
    train_int8(folder / "whole", overrides);
    CHECK(train_int8(folder / "parts", overrides, Resume::Auto, stop_at(stop)).state ==
          TrainResult::State::Interrupted);
    CHECK(train_int8(folder / "parts", overrides, Resume::Must).state == TrainResult::State::Finished);
    for (const char* file : {"model.safetensors", "state.safetensors"}) {
      INFO(file);
      CHECK(last_file(folder / "whole", file) == last_file(folder / "parts", file));
    }
    CHECK(evaluations(folder / "whole").back()["val/int8_loss"] ==
          evaluations(folder / "parts").back()["val/int8_loss"]);
  }
}

TEST_CASE("statistics and ranges stay as they are once they are frozen", "[quant][qat]") {
  const TempDir folder;
  train_int8(folder / "short", {"train.checkpoint.keep=9", "train.checkpoint.every=1 epoch"});
  const auto all = engine::list_checkpoints(folder / "short" / "checkpoints");
  REQUIRE(all.size() == 3);
  const auto first = engine::read_checkpoint(all[0]), second = engine::read_checkpoint(all[1]),
             third = engine::read_checkpoint(all[2]);
  int norms = 0, ranges = 0;
  for (std::size_t i = 0; i < third.weights.size(); ++i) {
    const std::string& name = third.weights[i].first;
    if (name.find("running_") == std::string::npos) continue;
    INFO(name);
    ++norms;
    CHECK(torch::equal(second.weights[i].second, third.weights[i].second));
    CHECK_FALSE(torch::equal(first.weights[i].second, second.weights[i].second));
  }
  for (const auto& [name, tensor] : third.state.tensors()) {
    if (name.rfind(engine::kSavedCompanion, 0) != 0) continue;
    INFO(name);
    ++ranges;
    CHECK(torch::equal(second.state.tensor(name), tensor));
  }
  CHECK(norms == 10);
  CHECK(ranges >= 4 * 12);
}

TEST_CASE("a run's checkpoint becomes the int8 model that was evaluated", "[quant][qat]") {
  const TempDir folder;
  train_int8(folder / "run", {});
  const auto resolved = tiny(kQat);
  const auto task = recipes::tasks().make(resolved.recipe.task.kind, engine::TaskRequest{resolved.recipe, {}});
  const engine::Checkpoint checkpoint = last_checkpoint(folder / "run");
  engine::load_model_tensors(task->models(), checkpoint.weights, "a checkpoint");
  const auto& [name, model] = task->models().front();
  REQUIRE(quant::has_trained_ranges(checkpoint.state, name));
  CHECK_FALSE(quant::has_trained_ranges(checkpoint.state, "another"));
  const quant::Int8Plan plan =
      quant::trained_plan(*model, name, {torch::rand({2, 1, 8, 8})}, resolved.recipe.quantize, checkpoint.state);
  CHECK(plan.method == "qat");
  quant::attach_int8(*model, plan, "a file");
  engine::EvaluateOptions options = engine::evaluate_options(resolved.recipe);
  const auto evaluation =
      engine::evaluate(*task, data::Split::Val, engine::make_context(resolved.recipe.train), options);
  const Json last = evaluations(folder / "run").back();
  CHECK(evaluation.find("acc1")->value == last["val/int8_acc1"].get<double>());
  CHECK(evaluation.find("loss")->value == Approx(last["val/int8_loss"].get<double>()).epsilon(1e-9));
}

TEST_CASE("skipped layers stay float in a training for int8", "[quant][qat]") {
  const TempDir folder;
  train_int8(folder / "run", {"quantize.skip=[fc,stage1]", "train.epochs=2", "quantize.observer_freeze_epoch=null"});
  bool some = false;
  const engine::Checkpoint last = last_checkpoint(folder / "run");
  for (const auto& item : last.state.tensors()) {
    if (item.first.rfind(engine::kSavedCompanion, 0) != 0) continue;
    some = true;
    CHECK(item.first.find(".fc.") == std::string::npos);
    CHECK(item.first.find(".stage1.") == std::string::npos);
  }
  CHECK(some);
}

TEST_CASE("what does not go with training for int8 is refused", "[quant][qat]") {
  CHECK(refusal({"train.amp=bf16"}) ==
        "train.amp: quantization-aware training computes in float32, not in bf16; set it to none");
  CHECK(refusal({"train.activation_checkpointing=true"}) ==
        "train.activation_checkpointing: ranges would take in twice what is computed twice; set it to false");
  CHECK(refusal({"quantize.observer=histogram"}) ==
        "quantize.observer: quantization-aware training finds ranges by moving averages, not by histogram; set it to "
        "auto");
  CHECK(refusal({"quantize.observer_freeze_epoch=0"}) ==
        "quantize.observer_freeze_epoch: ranges that are never looked for are not known; set it to 1 or more");
  CHECK(refusal({"quantize.skip=[\"*\"]"}) ==
        "quantize: no layer of this model becomes int8; look at quantize.skip, or train without quantize");
  CHECK(refusal({"quantize.skip=[classifier]"}).find("quantize.skip: no layer is called classifier") == 0);
  CHECK(refusal({"train.select=val/int8_acc9"}).find("val/int8_acc1") != std::string::npos);
}

TEST_CASE("only qat takes part in a training", "[quant][qat]") {
  for (const char* name : {"none", "ptq", "dynamic"}) {
    const auto resolved = tiny({std::string("quantize=") + name});
    const auto task = recipes::tasks().make(resolved.recipe.task.kind, engine::TaskRequest{resolved.recipe, {}});
    CHECK(quant::qat_companion(*task, resolved.recipe, engine::make_context(resolved.recipe.train)) == nullptr);
  }
}
