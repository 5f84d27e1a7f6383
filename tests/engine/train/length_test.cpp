// Trainings whose length is in steps: they may end within an epoch, and are evaluated and resumed at any step.

#include <csignal>

#include "engine/run/checkpoint.h"
#include "engine/run/runs.h"
#include "engine/train/check.h"
#include "engine/train/dry_run.h"
#include "engine/train/rate_curve.h"
#include "engine/train/training.h"

using namespace mlrun;
using namespace mlrun::test;
using engine::Resume;
using engine::TrainingPlan;
using engine::TrainResult;

namespace {

const std::vector<std::string> kEight = {"train.length=8 steps", "train.evaluate=2 steps"};  // an epoch has 3

std::vector<std::string> with(std::vector<std::string> overrides, const std::vector<std::string>& more) {
  overrides.insert(overrides.end(), more.begin(), more.end());
  return overrides;
}

/// The values of `name` in the rows that have it, by step.
std::vector<std::pair<std::int64_t, double>> course(const std::filesystem::path& run, const std::string& name) {
  std::vector<std::pair<std::int64_t, double>> values;
  for (const Json& row : json_lines(run / "metrics.jsonl")) {
    if (row.contains(name)) values.emplace_back(row["step"].get<std::int64_t>(), row[name].get<double>());
  }
  return values;
}

std::vector<std::int64_t> steps_with(const std::filesystem::path& run, const std::string& name) {
  std::vector<std::int64_t> steps;
  for (const auto& item : course(run, name)) steps.push_back(item.first);
  return steps;
}

std::vector<Json> rows_without_times(const std::filesystem::path& run) {
  auto rows = json_lines(run / "metrics.jsonl");
  for (auto& row : rows) {
    for (const char* key : {"seconds", "images_per_s", "wait_share"}) row.erase(key);
  }
  return rows;
}

void check_same_weights(const std::filesystem::path& a, const std::filesystem::path& b) {
  const auto first = engine::read_checkpoint(a / "checkpoints/last").weights,
             second = engine::read_checkpoint(b / "checkpoints/last").weights;
  REQUIRE(first.size() == second.size());
  for (std::size_t i = 0; i < first.size(); ++i) CHECK(first[i].second.equal(second[i].second));
}

void check_same_run(const std::filesystem::path& a, const std::filesystem::path& b) {
  CHECK(last_file(a, "model.safetensors") == last_file(b, "model.safetensors"));
  CHECK(last_file(a, "state.safetensors") == last_file(b, "state.safetensors"));
  CHECK(rows_without_times(a) == rows_without_times(b));
  const Json first = Json::parse(read_file(a / "run.json")), second = Json::parse(read_file(b / "run.json"));
  CHECK(first["result"] == second["result"]);
}

TrainingPlan plan_of(const std::vector<std::string>& overrides) {
  return engine::training_length(tiny(overrides).recipe.train, 3);
}

}  // namespace

TEST_CASE("a plan in steps knows where it ends and where its stretches do", "[engine]") {
  const TrainingPlan eight = plan_of(kEight);
  CHECK(eight.steps() == 8);
  CHECK(eight.epochs == 3);
  CHECK(eight.in_steps());
  CHECK(eight.horizon().epochs() == Approx(8.0 / 3));
  for (const std::int64_t step : {2, 4, 6, 8}) CHECK(eight.ends_stretch(step));
  for (const std::int64_t step : {1, 3, 5, 7}) CHECK_FALSE(eight.ends_stretch(step));
  CHECK(eight.waits({4, 1, 1, 2}));
  CHECK_FALSE(eight.waits({4, 1, 1, 4}));

  const TrainingPlan by_epoch = plan_of({"train.length=8 steps"});
  CHECK(by_epoch.ends_stretch(3));
  CHECK(by_epoch.ends_stretch(8));
  CHECK_FALSE(by_epoch.ends_stretch(2));

  const TrainingPlan part = plan_of({"train.length=2.5 epochs", "train.evaluate=25 %"});
  CHECK(part.steps() == 8);  // 7.5, rounded
  CHECK(part.stretch == 2);
  const TrainingPlan whole = plan_of({"train.length=4 epochs", "train.evaluate=2 steps"});
  CHECK_FALSE(whole.in_steps());
  CHECK_FALSE(whole.stretch);
  CHECK(whole.steps() == 12);
}

TEST_CASE("a training in steps ends within an epoch, and is evaluated where it is told to be", "[engine]") {
  const TempDir folder;
  const auto result = train_in(folder / "run", tiny(kEight));
  REQUIRE(result.state == TrainResult::State::Finished);
  CHECK(result.summary["steps"] == 8);
  CHECK(result.summary["epochs"] == 2);
  CHECK(result.summary["length"] == "8 steps");
  CHECK(steps_with(folder / "run", "val/acc1") == std::vector<std::int64_t>{2, 4, 6, 8});
  CHECK(steps_with(folder / "run", "step/lr") == std::vector<std::int64_t>{1, 3, 5, 7});
  CHECK(json_lines(folder / "run/metrics.jsonl").back()["epoch"].get<double>() == Approx(8.0 / 3));
  CHECK(read_file(folder / "run/train.log").find("step 8/8  loss ") != std::string::npos);
  CHECK(std::filesystem::exists(folder / "run/checkpoints/step-00000008"));
  const auto summary = engine::find_runs(folder / "run").front();
  CHECK(summary.progress() == "8/8 steps");
  CHECK(summary.epochs == 0);
  // The schedule is that of 8 steps: its last rate is the half cosine's at 7 of 8.
  CHECK(course(folder / "run", "step/lr").back().second == Approx(0.05 * (1 + std::cos(M_PI * 6 / 8)) / 2));
}

TEST_CASE("as many steps, or epochs by another word, are the training in epochs to the bit", "[engine]") {
  const TempDir folder;
  train_in(folder / "epochs", tiny());
  train_in(folder / "length", tiny({"train.length=4 epochs"}));
  train_in(folder / "steps", tiny({"train.length=12 steps"}));
  check_same_weights(folder / "epochs", folder / "length");
  check_same_weights(folder / "epochs", folder / "steps");
  CHECK(rows_without_times(folder / "epochs") == rows_without_times(folder / "length"));
  CHECK(rows_without_times(folder / "epochs") == rows_without_times(folder / "steps"));
  CHECK(last_file(folder / "epochs", "state.safetensors") == last_file(folder / "steps", "state.safetensors"));
}

TEST_CASE("how often a training in steps is evaluated does not change its weights", "[engine]") {
  const TempDir folder;
  train_in(folder / "often", tiny(kEight));
  train_in(folder / "seldom", tiny({"train.length=8 steps", "train.evaluate=5 steps"}));
  check_same_weights(folder / "often", folder / "seldom");
  CHECK(steps_with(folder / "seldom", "val/acc1") == std::vector<std::int64_t>{5, 8});
}

TEST_CASE("a training in steps resumes to the same bits from any step", "[engine]") {
  const auto averaged = with(kEight, {"averaging={name: ema, decay: 0.5, start: 3 steps}", "schedule.warmup=2 steps",
                                      "train.checkpoint.every=3 steps"});
  const TempDir folder;
  train_in(folder / "whole", tiny_watched(averaged), Resume::Never, watched_tasks());
  for (int stop = 1; stop < 8; ++stop) {
    INFO("stopped at step " << stop);
    const auto parts = folder / ("parts-" + std::to_string(stop));
    const auto stopping = [&](engine::Task&, const data::Batch&) {
      static int calls = 0;
      static int of_stop = 0;
      if (of_stop != stop) of_stop = stop, calls = 0;
      if (++calls == stop) std::raise(SIGTERM);
    };
    const auto stopped = train_in(parts, tiny_watched(averaged), Resume::Auto, watched_tasks(stopping));
    CHECK(stopped.state == TrainResult::State::Interrupted);
    CHECK(stopped.summary["step"] == stop);
    const auto resumed = train_in(parts, tiny_watched(averaged), Resume::Must, watched_tasks());
    CHECK(resumed.state == TrainResult::State::Finished);
    check_same_run(folder / "whole", parts);
  }
}

TEST_CASE("a time budget stops a training in steps at each step and in each evaluation, and resume goes on",
          "[engine]") {
  const TempDir folder;
  train_in(folder / "whole", tiny(kEight));
  const auto budgeted = tiny(with(kEight, {"train.max_time=0.000001 s"}));
  TrainResult result = train_in(folder / "parts", budgeted, Resume::Auto);
  int commands = 1;
  while (result.state == TrainResult::State::Interrupted && ++commands < 40) {
    result = train_in(folder / "parts", budgeted, Resume::Auto);
  }
  CHECK(result.state == TrainResult::State::Finished);
  CHECK(commands >= 8);
  CHECK(last_file(folder / "whole", "state.safetensors") == last_file(folder / "parts", "state.safetensors"));
  CHECK(rows_without_times(folder / "whole") == rows_without_times(folder / "parts"));
}

TEST_CASE("an evaluation within an epoch that is stopped is made anew on resume", "[engine]") {
  const TempDir folder;
  const auto recipe = with(kEight, {"data.val_samples=40"});
  train_in(folder / "whole", tiny_watched(recipe), Resume::Never, watched_tasks());
  const auto in_evaluation = watched_tasks({}, [calls = std::make_shared<int>(0)] {
    if (++*calls == 4) std::raise(SIGUSR1);  // the first of three batches of the second evaluation
  });
  const auto stopped = train_in(folder / "parts", tiny_watched(recipe), Resume::Auto, in_evaluation);
  CHECK(stopped.summary["step"] == 4);
  CHECK(steps_with(folder / "parts", "val/acc1") == std::vector<std::int64_t>{2});
  train_in(folder / "parts", tiny_watched(recipe), Resume::Must, watched_tasks());
  check_same_run(folder / "whole", folder / "parts");
}

TEST_CASE("early stopping, averages and checkpoints of a training in steps", "[engine]") {
  const TempDir folder;
  // Nothing is better by a hundred per cent: the second evaluation ends it.
  const auto early =
      train_in(folder / "early", tiny(with(kEight, {"train.early_stopping={patience: 1, min_delta: 100}"})));
  CHECK(early.summary["steps"] == 4);
  CHECK(early.summary["stopped_early"] == true);
  CHECK(read_file(folder / "early/train.log").find("stopped early after step 4 of 8: ") != std::string::npos);
  train_in(folder / "averaged", tiny(with(kEight, {"averaging={name: swa, start: 4 steps, every: 2 steps}",
                                                   "train.checkpoint={every: 3 steps, keep: 9}"})));
  CHECK(steps_with(folder / "averaged", "val/swa_acc1") == std::vector<std::int64_t>{6, 8});
  for (const char* step : {"3", "6", "8"}) {
    CHECK(std::filesystem::exists(folder / (std::string("averaged/checkpoints/step-0000000") + step)));
  }
  CHECK(std::filesystem::exists(folder / "averaged/checkpoints/step-00000006/averaged.safetensors"));
  CHECK_FALSE(std::filesystem::exists(folder / "averaged/checkpoints/step-00000003/averaged.safetensors"));
}

TEST_CASE("checks, dry runs and curves tell a length in steps", "[engine]") {
  const Quiet quiet;
  const auto check = engine::check_training(recipes::tasks(), tiny(kEight));
  REQUIRE(check.plan);
  CHECK(check.plan->steps() == 8);
  CHECK(check.plan->steps_per_epoch == 3);
  CHECK(user_error([] {
          engine::check_training(recipes::tasks(), tiny(with(kEight, {"averaging={name: swa, start: 8 steps}"})));
        }).find("averaging.start: no weights are ever averaged") == 0);
  const auto dry = engine::dry_run(recipes::tasks(), tiny({"train.length=12 steps", "train.evaluate=12 steps"}));
  CHECK(dry.plan.steps() == 12);
  CHECK(dry.steps == 8);  // over several epochs
  const auto curve = engine::rate_curve(recipes::tasks(), tiny(kEight).recipe, std::nullopt);
  CHECK(curve.rates.size() == 8);
  CHECK(curve.epochs == Approx(8.0 / 3));

  const auto left_out = [](const std::vector<std::string>& overrides) {
    return engine::check_without_data(tiny(with({"data={root: /absent, format: image_folder}"}, overrides)))
        .not_looked_at;
  };
  CHECK(left_out({"train.length=50 steps", "schedule.warmup=9 steps"}).size() == 1);
  CHECK(left_out({"train.length=50 steps", "schedule.warmup=9 epochs"}).back() == "lengths in epochs");
  CHECK(left_out({"train.length=50 steps", "averaging={name: swa, start: 20 steps}"}).size() == 2);
}

TEST_CASE("a run's length in steps does not change on resume", "[engine]") {
  const TempDir folder;
  train_in(folder / "run", tiny(with(kEight, {"train.max_time=0.000001 s"})), Resume::Auto);
  const std::string error = user_error([&] {
    train_in(folder / "run", tiny({"train.length=9 steps", "train.evaluate=2 steps"}), Resume::Must);
  });
  CHECK(
      error.find("train.length: was \"8 steps\" when this run began and is \"9 steps\" now; restore it or, to train on "
                 "from these weights, start another run with --out and model.weights: ") != std::string::npos);
}
