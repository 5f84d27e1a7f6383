#include "engine/average/averager.h"

#include <cmath>
#include <csignal>

#include <torch/types.h>
#include <torch/utils.h>

#include "engine/run/checkpoint.h"
#include "engine/train/training.h"
#include "optim/averaging.h"
#include "weights/safetensors.h"

using namespace mlrun;
using namespace mlrun::test;
using engine::Resume;
using engine::TrainResult;

namespace fs = std::filesystem;

namespace {

constexpr const char* kSwa = "averaging={name: swa, start: 50 %, swa_lr: 0.01, anneal: 1 epoch}";

std::map<std::string, torch::Tensor> tensors_of(const fs::path& file) {
  std::map<std::string, torch::Tensor> map;
  for (const auto& [name, tensor] : weights::read_safetensors(file).tensors) map[name] = tensor.clone();
  return map;
}

std::vector<Json> without_times(const fs::path& run) {
  auto rows = json_lines(run / "metrics.jsonl");
  for (auto& row : rows) {
    for (const char* key : {"seconds", "images_per_s", "wait_share"}) row.erase(key);
  }
  return rows;
}

void check_same_runs(const fs::path& a, const fs::path& b) {
  for (const char* name : {"model.safetensors", "averaged.safetensors", "state.safetensors"}) {
    INFO(name);
    CHECK(last_file(a, name) == last_file(b, name));
  }
  CHECK(without_times(a) == without_times(b));
  CHECK(Json::parse(read_file(a / "run.json"))["result"] == Json::parse(read_file(b / "run.json"))["result"]);
}

/// Trains into `whole`, and into `parts` with a stop at the micro-batch `stop`: the same runs.
void check_resumes(const fs::path& folder, const config::Resolved& resolved, int stop) {
  train_in(folder / "whole", resolved, Resume::Never, watched_tasks());
  const auto stopper = [stop, calls = std::make_shared<int>(0)](engine::Task&, const data::Batch&) {
    if (++*calls == stop) std::raise(SIGTERM);
  };
  CHECK(train_in(folder / "parts", resolved, Resume::Auto, watched_tasks(stopper)).state ==
        TrainResult::State::Interrupted);
  CHECK(train_in(folder / "parts", resolved, Resume::Must, watched_tasks()).state == TrainResult::State::Finished);
  check_same_runs(folder / "whole", folder / "parts");
}

}  // namespace

TEST_CASE("swa averages the epochs after its start and is evaluated beside the weights", "[engine][averaging]") {
  const TempDir folder;
  const auto result =
      train_in(folder / "run", tiny({kSwa, "train.checkpoint.every=1 epoch", "train.checkpoint.keep=99"}));
  const auto rows = json_lines(folder / "run" / "metrics.jsonl");
  for (const auto& row : rows) {
    if (row.contains("val/acc1")) CHECK(row.contains("val/swa_acc1") == (row["epoch"].get<double>() > 2));
  }
  CHECK(rows.back()["lr"] == 0.01);
  for (const char* name : {"val/acc1", "val/swa_acc1", "test/acc1", "test/swa_acc1", "test/swa_loss"}) {
    INFO(name);
    CHECK(result.summary["metrics"].contains(name));
  }
  const fs::path checkpoints = folder / "run" / "checkpoints";
  const auto third = tensors_of(checkpoints / "step-00000009/model.safetensors");
  const auto fourth = tensors_of(checkpoints / "step-00000012/model.safetensors");
  CHECK_FALSE(fs::exists(checkpoints / "step-00000006/averaged.safetensors"));
  for (const auto& [name, average] : tensors_of(checkpoints / "last/averaged.safetensors")) {
    INFO(name);
    if (optim::is_norm_statistic(name)) continue;
    const auto mean = third.at(name).to(torch::kDouble).add(fourth.at(name)).div(2).to(torch::kFloat);
    CHECK(torch::equal(average, mean));
  }
  CHECK(tensors_of(checkpoints / "last/averaged.safetensors").at("stage1.norm.num_batches_tracked").item<int>() == 3);
  CHECK_NOTHROW(engine::verify_checkpoint(checkpoints / "step-00000012"));
}

TEST_CASE("an averaging training that was stopped and resumed is the one that was not", "[engine][averaging]") {
  const std::string method = GENERATE(
      "averaging={name: swa, start: 3 steps, every: 2 steps, swa_lr: 0.01, anneal: 1 epoch}",
      "averaging={name: ema, decay: 0.9}", "averaging={name: swag, start: 1 epoch, rank: 2, bn: {samples: 24}}");
  const int stop = GENERATE(4, 8, 9);
  INFO(method << " stopped at step " << stop);
  const TempDir folder;
  const auto resolved = tiny_watched({method});
  check_resumes(folder.path(), resolved, stop);
}

TEST_CASE("a stop in the pass for batch norm's statistics loses nothing", "[engine][averaging]") {
  const TempDir folder;
  const auto resolved = tiny_watched({kSwa});
  train_in(folder / "whole", resolved, Resume::Never, watched_tasks());
  // An evaluation is one batch, the pass three: the fifth look is in the third epoch's pass.
  const auto stopper = watched_tasks({}, [calls = std::make_shared<int>(0)] {
    if (++*calls == 5) std::raise(SIGTERM);
  });
  const auto stopped = train_in(folder / "parts", resolved, Resume::Auto, stopper);
  CHECK(stopped.state == TrainResult::State::Interrupted);
  CHECK(stopped.summary["step"] == 9);
  CHECK(train_in(folder / "parts", resolved, Resume::Must, watched_tasks()).state == TrainResult::State::Finished);
  check_same_runs(folder / "whole", folder / "parts");
}

TEST_CASE("a training that dies in the pass for batch norm's statistics loses nothing", "[engine][averaging]") {
  struct Death {};
  const TempDir folder;
  const auto resolved = tiny_watched({kSwa});
  train_in(folder / "whole", resolved, Resume::Never, watched_tasks());
  // No code of the engine catches this: the run is left as a killed process leaves it.
  const int look = GENERATE(5, 6, 10);  // in the third epoch's pass, and in the fourth's
  const auto killer = watched_tasks({}, [look, calls = std::make_shared<int>(0)] {
    if (++*calls == look) throw Death();
  });
  CHECK_THROWS_AS(train_in(folder / "parts", resolved, Resume::Auto, killer), Death);
  CHECK(train_in(folder / "parts", resolved, Resume::Must, watched_tasks()).state == TrainResult::State::Finished);
  check_same_runs(folder / "whole", folder / "parts");
}

TEST_CASE("weights are taken in once in each cycle, where the rate is lowest", "[engine][averaging]") {
  const TempDir folder;
  const fs::path checkpoints = folder / "run/checkpoints";
  // 12 steps in 3 cycles of 4, lowest after steps 2, 6 and 10; the first of them is before the start.
  train_in(folder / "run", tiny({"schedule={name: cyclical, shape: triangular, cycles: 3, keep: true, interval: step}",
                                 "averaging={name: swa, capture: minimum, start: 3 steps, update_bn: false}",
                                 "train.checkpoint={every: 1 epoch, keep: 1}"}));
  std::vector<std::string> kept;
  for (const auto& path : engine::list_checkpoints(checkpoints)) {
    const auto metadata = weights::read_safetensors_header(path / "model.safetensors").metadata;
    if (metadata.count("rate_minimum") != 0) kept.push_back(path.filename());
  }
  CHECK(kept == std::vector<std::string>{"step-00000002", "step-00000006", "step-00000010"});
  const auto second = tensors_of(checkpoints / "step-00000006/model.safetensors");
  const auto third = tensors_of(checkpoints / "step-00000010/model.safetensors");
  for (const auto& [name, average] : tensors_of(checkpoints / "last/averaged.safetensors")) {
    INFO(name);
    if (!average.is_floating_point()) continue;
    const auto mean = second.at(name).to(torch::kDouble).add(third.at(name)).div(2).to(torch::kFloat);
    CHECK(torch::equal(average, mean));
  }
}

TEST_CASE("cycles that are stopped and resumed go on as they were", "[engine][averaging]") {
  const int stop = GENERATE(5, 6, 7);
  const TempDir folder;
  const auto resolved =
      tiny_watched({"schedule={name: cyclical, shape: triangular, cycles: 3, keep: true, interval: step}",
                    "averaging={name: swa, capture: minimum, start: 0 steps}"});
  check_resumes(folder.path(), resolved, stop);
  CHECK(fs::exists(folder / "parts/checkpoints/step-00000006"));
}

TEST_CASE("averaging leaves the weights themselves as they are", "[engine][averaging]") {
  const TempDir folder;
  train_in(folder / "plain", tiny());
  train_in(folder / "ema", tiny({"averaging={name: ema, decay: 0.5}"}));
  const auto plain = tensors_of(folder / "plain/checkpoints/last/model.safetensors");
  for (const auto& [name, tensor] : tensors_of(folder / "ema/checkpoints/last/model.safetensors")) {
    INFO(name);
    CHECK(torch::equal(tensor, plain.at(name)));
  }
}

TEST_CASE("the average can choose the best, and one that never begins is refused", "[engine][averaging]") {
  const TempDir folder;
  const auto result = train_in(folder / "run", tiny({kSwa, "train.select=val/swa_loss"}));
  CHECK(result.summary["best"]["metric"] == "val/swa_loss");
  CHECK(result.summary["best"]["step"].get<int>() >= 9);
  CHECK(user_error([&] {
          train_in(folder / "late", tiny({"averaging={name: swa, start: 100 %}"}));
        }).find("averaging.start: no weights are ever averaged: the training ends before 1 epoch after 100 %") == 0);
  CHECK(user_error([&] { train_in(folder / "flat", tiny({"averaging={name: swa, capture: minimum}"})); }) ==
        "averaging.capture: no weights are ever averaged: the schedule 'cosine' reaches no minimum after "
        "averaging.start; "
        "set schedule to cyclical, begin earlier, or set averaging.capture to every");
  CHECK(user_error([&] {
          tiny({"averaging={name: swa, capture: minimum, swa_lr: 0.1}"});
        }).find("does not go with capture: minimum") != std::string::npos);
}

TEST_CASE("an average that is not finite ends the training as weights that are not do", "[engine][averaging]") {
  const TempDir folder;
  const auto resolved = tiny_watched({"averaging={name: swa, start: 1 epoch, every: 1 steps, update_bn: false}"});
  // For one step of the third epoch a norm's mean is spoilt: training does not read it, the average takes it in.
  const auto spoil = [calls = std::make_shared<int>(0)](engine::Task& task, const data::Batch&) {
    const torch::NoGradGuard no_gradients;
    ++*calls;
    auto mean = task.models().front().second->buffers().front();
    if (*calls == 7) mean.fill_(NAN);
    if (*calls == 8) mean.zero_();
  };
  CHECK(user_error([&] { train_in(folder / "run", resolved, Resume::Never, watched_tasks(spoil)); }) ==
        "averaged weights are not finite: stage1.norm.running_mean after step 9, last good checkpoint: " +
            (folder / "run/checkpoints/step-00000006").string() +
            "; lower optimizer.lr, add a warm-up or train.clip_grad_norm, or look at these samples, and start another "
            "run with --out");
  CHECK(Json::parse(read_file(folder / "run" / "run.json"))["state"] == "failed");
}

TEST_CASE("averages of maps of one pixel are finite whatever is left of the samples", "[engine][averaging]") {
  const TempDir folder;
  const auto resolved = tiny({"model={name: mobilenet_v3_small, width_mult: 0.25}", "data.train_samples=33",
                              "data.drop_last=true", "train.epochs=2", "averaging={name: swa, start: 1 epoch}"});
  const auto result = train_in(folder / "run", resolved);
  CHECK(result.summary["metrics"]["test/swa_loss"].is_number());
  for (const auto& [name, tensor] : tensors_of(folder / "run/checkpoints/last/averaged.safetensors")) {
    INFO(name);
    CHECK(tensor.isfinite().all().item<bool>());
  }
}

TEST_CASE("an exponential average that cannot catch up is told before the training", "[engine][averaging]") {
  const auto told = [](const std::string& averaging) {
    const TempDir folder;
    const auto resolved = tiny({"averaging=" + averaging});
    const auto task = recipes::tasks().make(resolved.recipe.task.kind, engine::TaskRequest{resolved.recipe, {}});
    const Quiet quiet;
    log::set_level(log::Level::Warning);
    log::set_file(folder / "log");
    const engine::Averager averager(*task, resolved.recipe, {}, {3, 12});
    log::set_file("");
    const std::string text = fs::exists(folder / "log") ? read_file(folder / "log") : "";
    const auto begin = text.find("averaging.decay");
    return begin == std::string::npos ? "" : text.substr(begin, text.find('\n') - begin);
  };
  CHECK(told("{name: ema}") ==
        "averaging.decay: the average cannot catch up with the weights: they are taken in 12 times, and a decay of "
        "0.9999 leaves 100 % of it to the first of them; take 0.65 or less, or set "
        "averaging.warmup");
  CHECK(told("{name: ema, decay: 0.9, start: 1 epoch, every: 2 steps}") ==
        "averaging.decay: the average cannot catch up with the weights: they are taken in 4 times, and a decay of 0.9 "
        "leaves 73 % of it to the first of them; take 0.21 or less, or set averaging.warmup");
  CHECK(told("{name: ema, decay: 0.65}").empty());
  CHECK(told("{name: ema, warmup: true}").empty());
  CHECK(told("{name: ema, every: 12 steps}").empty());  // taken in once, it is the weights
  CHECK(told("swa").empty());
}
