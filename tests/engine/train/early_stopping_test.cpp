#include "engine/train/early_stopping.h"

#include <csignal>
#include <limits>

#include "engine/train/selection.h"
#include "engine/train/training.h"

using namespace mlrun;
using namespace mlrun::test;
using engine::EarlyStopping;
using engine::Resume;

namespace {

struct StoppingFixture {
  config::Resolved resolved = tiny();
  std::unique_ptr<engine::Task> task =
      recipes::tasks().make(resolved.recipe.task.kind, engine::TaskRequest{resolved.recipe, {}});

  /// After how many evaluations with these figures a training ends; -1: it does not.
  int ends_after(const std::string& metric, const std::vector<double>& values, std::int64_t patience, double delta) {
    EarlyStopping stopping({patience, delta}, "val/" + metric, *task);
    for (std::size_t i = 0; i < values.size(); ++i) {
      stopping.look(evaluation(metric, values[i]));
      if (stopping.reached()) return static_cast<int>(i) + 1;
    }
    return -1;
  }

  static engine::Evaluation evaluation(const std::string& metric, double value) {
    const bool lower = metric == "loss" || metric == "rmse";
    engine::Evaluation result;
    result.figures = {{metric, value, lower ? report::Better::Lower : report::Better::Higher, 2, ""}};
    return result;
  }
};

/// A training that stops improving at once: no step changes anything.
const std::vector<std::string> kStill = {"optimizer.lr=0.0000001", "train.early_stopping=2", "train.epochs=30",
                                         "train.select=val/acc1"};

}  // namespace

TEST_CASE("a training ends after `patience` evaluations without a better figure", "[engine]") {
  StoppingFixture fixture;
  CHECK(fixture.ends_after("acc1", {50, 60, 60, 59}, 2, 0) == 4);
  CHECK(fixture.ends_after("acc1", {50, 60, 55, 61, 61, 61}, 2, 0) == 6);
  CHECK(fixture.ends_after("acc1", {1, 2, 3, 4, 5}, 1, 0) == -1);
  CHECK(fixture.ends_after("loss", {1, 0.9, 0.91, 0.92}, 2, 0) == 4);
  CHECK(fixture.ends_after("loss", {1, 0.9, 0.8, 0.7}, 1, 0) == -1);
  CHECK(fixture.ends_after("rmse", {1, 0.9, 0.8, 0.7}, 1, 0) == -1);
  CHECK(fixture.ends_after("rmse", {1, 0.9, 0.91, 0.92}, 2, 0) == 4);
}

TEST_CASE("only a change above min_delta is better, slow progress adds up", "[engine]") {
  StoppingFixture fixture;
  CHECK(fixture.ends_after("acc1", {50, 51, 50.9}, 2, 1) == 3);
  CHECK(fixture.ends_after("acc1", {50, 50.6, 51.2, 51.8, 52.4}, 2, 1) == -1);
  CHECK(fixture.ends_after("loss", {1, 0.95, 0.92, 0.89}, 2, 0.1) == 3);
}

TEST_CASE("a figure that is no number is no better", "[engine]") {
  StoppingFixture fixture;
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(fixture.ends_after("loss", {nan, nan, 1}, 2, 0) == 2);
  CHECK(fixture.ends_after("loss", {nan, 1, 0.5}, 2, 0) == -1);
}

TEST_CASE("an evaluation without the figure does not count", "[engine]") {
  StoppingFixture fixture;
  EarlyStopping stopping({1, 0}, "val/ema_acc1", *fixture.task);
  stopping.look(StoppingFixture::evaluation("acc1", 50));
  stopping.look(StoppingFixture::evaluation("acc1", 50));
  CHECK_FALSE(stopping.reached());
  stopping.look(StoppingFixture::evaluation("ema_acc1", 50));
  stopping.look(StoppingFixture::evaluation("ema_acc1", 50));
  CHECK(stopping.reached());
  CHECK(stopping.reason() == "val/ema_acc1 was no better for 1 evaluation");
  data::State state;
  stopping.save(state, "t.");
  EarlyStopping again({1, 0}, "val/ema_acc1", *fixture.task);
  again.load(state, "t.");
  CHECK(again.reached());
}

TEST_CASE("early stopping needs something to look at", "[engine]") {
  const TempDir folder;
  CHECK(
      user_error([&] {
        train_in(folder / "run", tiny({"data.val_samples=0", "train.early_stopping=2"}));
      }) ==
      "train.early_stopping: has nothing to look at: the data set 'synthetic' has no val split; give data.split.val a "
      "share, or set train.early_stopping.patience to null");
}

TEST_CASE("a training that ends early is finished, and says so", "[engine]") {
  const TempDir folder;
  const auto resolved = tiny(kStill);
  const auto result = train_in(folder / "run", resolved);
  CHECK(result.state == engine::TrainResult::State::Finished);
  CHECK(result.summary["stopped_early"] == true);
  CHECK(result.summary["epochs"] == 3);
  CHECK(result.summary["best"]["step"] == 9);  // of equal epochs the latest
  const Json info = Json::parse(read_file(folder / "run" / "run.json"));
  CHECK(info["state"] == "finished");
  CHECK(info["result"]["stopped_early"] == true);
  CHECK(read_file(folder / "run" / "train.log")
            .find("stopped early after epoch 3 of 30: val/acc1 was no better for 2 evaluations") != std::string::npos);
  CHECK(json_lines(folder / "run" / "metrics.jsonl").back()["epoch"] == 3);
  CHECK(train_in(folder / "run", resolved, Resume::Auto).state == engine::TrainResult::State::AlreadyFinished);
}

TEST_CASE("one that is not stopped says that, and one that could not be says nothing", "[engine]") {
  const TempDir folder;
  CHECK(train_in(folder / "a", tiny({"train.early_stopping=50"})).summary["stopped_early"] == false);
  CHECK_FALSE(train_in(folder / "b", tiny()).summary.contains("stopped_early"));
}

TEST_CASE("a resumed training ends where the whole one does", "[engine]") {
  const TempDir folder;
  auto options = kStill;
  options.push_back("averaging={name: ema, decay: 0.9}");
  const auto resolved = tiny_watched(options);
  train_in(folder / "whole", resolved, Resume::Never, watched_tasks());
  const auto stop = [calls = std::make_shared<int>(0)](engine::Task&, const data::Batch&) {
    if (++*calls == 8) std::raise(SIGTERM);
  };
  CHECK(train_in(folder / "parts", resolved, Resume::Auto, watched_tasks(stop)).state ==
        engine::TrainResult::State::Interrupted);
  train_in(folder / "parts", resolved, Resume::Must, watched_tasks());
  CHECK(last_file(folder / "whole", "model.safetensors") == last_file(folder / "parts", "model.safetensors"));
  CHECK(last_file(folder / "whole", "averaged.safetensors") == last_file(folder / "parts", "averaged.safetensors"));
  const Json whole = Json::parse(read_file(folder / "whole" / "run.json")),
             parts = Json::parse(read_file(folder / "parts" / "run.json"));
  CHECK(whole["result"] == parts["result"]);
  CHECK(whole["result"]["stopped_early"] == true);
}

TEST_CASE("an average that is asked for is made before a training may end", "[engine]") {
  const TempDir folder;
  auto options = kStill;
  options.push_back("averaging={name: swa, start: 6 epochs}");
  const auto result = train_in(folder / "run", tiny(options));
  CHECK(result.summary["stopped_early"] == true);
  CHECK(result.summary["epochs"].get<int>() > 6);
  CHECK(result.summary["metrics"].contains("val/swa_acc1"));
}
