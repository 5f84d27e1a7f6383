#include "engine/train_session.h"

#include <algorithm>
#include <chrono>

#include <torch/version.h>

#include "base/error.h"
#include "base/files.h"
#include "base/log.h"
#include "base/signals.h"
#include "base/version.h"
#include "engine/checkpointer.h"
#include "engine/model_state.h"
#include "engine/progress.h"
#include "engine/recorder.h"
#include "engine/trainer.h"

namespace mlrun::engine {

namespace fs = std::filesystem;

namespace {

std::unique_ptr<Task> make_task(const TaskFactory& tasks, const config::Recipe& recipe) {
  return tasks.make(recipe.task.kind, TaskRequest{recipe, std::nullopt});
}

void note_resolution(const config::Resolved& resolved) {
  for (const auto& note : resolved.notes) log::info(note);
}

/// A run whose data has changed would be another run.
void refuse_other_data(const RunDirectory& run, const data::DataInfo& now) {
  if (!run.info().contains("data")) return;
  const data::DataInfo before = data_info(run.info()["data"]);
  if (before.fingerprint == now.fingerprint) return;
  throw file_error(run.path().string(), "the data set has changed since this run began",
                   "restore the data, or start another run with --out");
}

Json opening(const TrainRequest& request, const Context& context, const Task& task) {
  Json json = {{"schema", 1},
               {"state", "running"},
               {"version", kVersion},
               {"commit", kCommit},
               {"libtorch", TORCH_VERSION},
               {"command", request.command},
               {"seed", request.resolved.recipe.train.seed},
               {"device", device_text(context.device)},
               {"threads", context.threads},
               {"workers", context.workers},
               {"choices", Json::object()},
               {"data", to_json(task.data())},
               {"recipe", request.resolved.values},
               {"error", nullptr},
               {"updated", timestamp()}};
  return json;
}

Json figures_json(const std::vector<Measured>& measured) {
  Json figures = Json::object();
  for (const auto& split : measured) {
    for (const auto& [name, value] : split.figures) figures[split.split + "/" + name] = value;
  }
  return figures;
}

/// One training from its run directory to its result.
class Session {
 public:
  Session(const TaskFactory& tasks, const TrainRequest& request, RunDirectory& run)
      : request_(request),
        run_(run),
        recipe_(request.resolved.recipe),
        context_(make_context(recipe_.train)),
        task_(make_task(tasks, recipe_)),
        trainer_(*task_, recipe_, context_),
        recorder_(run.path(), recipe_.train.log_steps),
        checkpointer_(run, trainer_, *task_, request.resolved) {}

  TrainResult run() {
    prepare();
    Progress progress(stderr_is_terminal(), recipe_.train.log_every.value, !request_.progress);
    const std::vector<Hook*> hooks = {&recorder_, &progress, &checkpointer_};  // the last after what the log must hold
    watch_signals();
    const bool finished = trainer_.run(hooks);
    return finished ? finish() : interrupt();
  }

 private:
  void prepare() {
    refuse_other_data(run_, task_->data());
    if (run_.resumed() && checkpointer_.restore()) {
      log::info("resuming at step " + std::to_string(trainer_.position().step));
    }
    recorder_.truncate_after(trainer_.position().step);
    Json json = opening(request_, context_, *task_);
    if (!run_.info().contains("started")) json["started"] = timestamp();
    run_.update(json);
  }

  TrainResult interrupt() {
    run_.update({{"state", "interrupted"}, {"step", trainer_.position().step}, {"updated", timestamp()}});
    TrainResult result = outcome(TrainResult::State::Interrupted);
    result.signal = stop_signal();
    result.summary = {{"step", trainer_.position().step}, {"epoch", trainer_.position().epoch}};
    return result;
  }

  TrainResult finish() {
    TrainResult result = outcome(TrainResult::State::Finished);
    const std::vector<Measured> measured = evaluate_best();
    result.verdicts = compare(recipe_.expect, measured);
    Json verdicts = Json::array();
    for (const auto& verdict : result.verdicts) verdicts.push_back(to_json(verdict));
    result.summary = {{"epochs", trainer_.position().epoch},
                      {"steps", trainer_.position().step},
                      {"weights", "best"},
                      {"metrics", figures_json(measured)},
                      {"expect", verdicts}};
    if (const auto& best = checkpointer_.best()) {
      result.summary["best"] = {{"metric", best->metric}, {"value", best->value}, {"step", best->step}};
    }
    run_.update({{"state", "finished"},
                 {"step", trainer_.position().step},
                 {"result", result.summary},
                 {"finished", timestamp()},
                 {"updated", timestamp()}});
    return result;
  }

  std::vector<Measured> evaluate_best() {
    const fs::path best = run_.checkpoints() / "best";
    load_model_tensors(task_->models(), read_checkpoint(best).weights, (best / "model.safetensors").string());
    std::vector<Measured> measured;
    for (const auto split : {data::Split::Val, data::Split::Test}) {
      if (!task_->source(split)) continue;
      EvaluateOptions options;
      options.batch_size = recipe_.train.batch_size / recipe_.train.accumulate;
      const Evaluation evaluation = evaluate(*task_, split, context_, options);
      measured.push_back({data::split_name(split), task_->data().name, task_->data().fingerprint, "best",
                          evaluation.evaluated, evaluation.total - evaluation.evaluated, evaluation.figures});
    }
    return measured;
  }

  TrainResult outcome(TrainResult::State state) const {
    TrainResult result;
    result.state = state;
    result.run = run_.path();
    return result;
  }

  const TrainRequest& request_;
  RunDirectory& run_;
  const config::Recipe& recipe_;
  Context context_;
  std::unique_ptr<Task> task_;
  Trainer trainer_;
  Recorder recorder_;
  Checkpointer checkpointer_;
};

TrainResult already_finished(const RunDirectory& run) {
  TrainResult result;
  result.state = TrainResult::State::AlreadyFinished;
  result.run = run.path();
  result.summary = run.info().value("result", Json::object());
  return result;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// Times the steps of a dry run; the first ones warm up.
class StepTimer : public Hook {
 public:
  void on_step(const StepReport& report) override {
    const auto now = std::chrono::steady_clock::now();
    if (++count_ > kWarmUp) {
      seconds.push_back(std::chrono::duration<double>(now - before_).count());
      waits.push_back(report.wait - waited_);
    }
    before_ = now;
    waited_ = report.wait;
  }

  static constexpr int kWarmUp = 2;
  std::vector<double> seconds, waits;

 private:
  int count_ = 0;
  double waited_ = 0;
  std::chrono::steady_clock::time_point before_ = std::chrono::steady_clock::now();
};

std::int64_t byte_count(const weights::NamedTensors& tensors) {
  std::int64_t sum = 0;
  for (const auto& item : tensors) sum += static_cast<std::int64_t>(item.second.nbytes());
  return sum;
}

}  // namespace

TrainResult train(const TaskFactory& tasks, const TrainRequest& request) {
  note_resolution(request.resolved);
  RunDirectory run = RunDirectory::claim(request.out, request.resolved, request.resume);
  if (run.resumed() && run.state() == "finished") return already_finished(run);
  log::set_file(run.log_file());
  try {
    return Session(tasks, request, run).run();
  } catch (const std::exception& error) {
    run.update({{"state", "failed"}, {"error", error.what()}, {"updated", timestamp()}});
    throw;
  }
}

DryRun dry_run(const TaskFactory& tasks, const config::Resolved& resolved) {
  constexpr std::int64_t kSteps = 8;
  note_resolution(resolved);
  const config::Recipe& recipe = resolved.recipe;
  DryRun result;
  result.context = make_context(recipe.train);
  const auto task = make_task(tasks, recipe);
  Trainer trainer(*task, recipe, result.context);
  StepTimer timer;
  trainer.run_steps(StepTimer::kWarmUp + kSteps, {&timer});
  if (timer.seconds.empty()) throw UserError("an epoch of this recipe is too short to be timed", "train it instead");

  result.plan = trainer.plan();
  result.steps = static_cast<std::int64_t>(timer.seconds.size());
  result.seconds_per_step = median(timer.seconds);
  result.seconds_per_epoch = result.seconds_per_step * static_cast<double>(result.plan.steps_per_epoch);
  result.wait_share = std::clamp(median(timer.waits) / result.seconds_per_step, 0.0, 1.0);
  data::State state;
  trainer.save(state, "");
  result.checkpoint_bytes = byte_count(model_tensors(task->models())) + byte_count(state.tensors());
  result.checkpoints = recipe.train.checkpoint.keep + 2;
  for (const auto& model : task->models()) {
    for (const auto& parameter : model.second->parameters()) result.parameters += parameter.numel();
  }
  result.peak_memory = peak_memory();
  return result;
}

}  // namespace mlrun::engine
