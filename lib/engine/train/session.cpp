#include "engine/train/session.h"

#include <algorithm>
#include <chrono>

#include "base/error.h"
#include "base/files.h"
#include "base/log.h"
#include "base/signals.h"
#include "base/threads.h"
#include "data/rotation_check.h"
#include "engine/run/initial_weights.h"
#include "engine/run/model_state.h"
#include "engine/run/recorded_figures.h"
#include "engine/run/weight_choice.h"
#include "engine/train/check.h"
#include "engine/train/checkpointer.h"
#include "engine/train/divergence.h"
#include "engine/train/journal.h"
#include "engine/train/memory_format.h"
#include "engine/train/norm_lag.h"
#include "engine/train/progress.h"
#include "engine/train/recorder.h"
#include "engine/train/trainer.h"

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

report::Figures all_figures(const std::vector<Measured>& measured) {
  report::Figures figures;
  for (const auto& split : measured) report::append(figures, report::prefixed(split.split + "/", split.figures));
  return figures;
}

/// How many threads compute decides the order of sums: a resumed run keeps what it began with.
config::TrainSection with_recorded_threads(config::TrainSection train, const RunDirectory& run) {
  const Json recorded = run.resumed() ? run.info().value("threads", Json()) : Json();
  if (train.threads || !recorded.is_number_integer() || recorded.get<std::int64_t>() < 1) return train;
  train.threads = recorded.get<std::int64_t>();
  if (*train.threads != default_compute_threads()) {
    log::info("this run began with " + std::to_string(*train.threads) + " compute threads and keeps them");
  }
  return train;
}

/// Leaves the final evaluation, which a resumed run then makes anew.
struct FinalEvaluationStopped {};

/// One training from its run directory to its result.
class Session {
 public:
  Session(const TaskFactory& tasks, const TrainRequest& request, RunDirectory& run)
      : request_(request),
        run_(run),
        recipe_(request.resolved.recipe),
        context_(make_context(with_recorded_threads(recipe_.train, run))),
        task_(make_task(tasks, recipe_)),
        companion_(request.companion ? request.companion(*task_, recipe_, context_) : nullptr),
        choices_(choose_memory_format(*task_, recipe_, context_, recorded_choices(run))),
        trainer_(*task_, recipe_, context_, companion_.get()),
        recorder_(run.path(), recipe_.train.log_steps, [&run] { run.require_own(); }),
        checkpointer_(run, trainer_, *task_, request.resolved) {}

  TrainResult run() {
    prepare();
    if (const auto& budget = recipe_.train.max_time) {
      constexpr double kMost = 1e9;  // seconds; longer is for ever, and fits the clock
      const auto length = std::chrono::duration<double>(std::min(budget->value, kMost));
      trainer_.stop_at(begin_ + std::chrono::duration_cast<std::chrono::milliseconds>(length));
    }
    Progress progress(stderr_is_terminal(), recipe_.train.log_every.value, !request_.progress);
    NormLag norm_lag(*task_, trainer_.selects(), recipe_.train.accumulate);
    Journal journal(run_, checkpointer_);
    // The checkpointer comes after what a checkpoint's log must hold, the journal after what is safe.
    const std::vector<Hook*> hooks = {&recorder_, &progress, &norm_lag, &checkpointer_, &journal};
    watch_signals();
    try {
      return trainer_.run(hooks) ? finish() : interrupt();
    } catch (const Divergence& divergence) {
      throw divergence.with_checkpoint(last_checkpoint());
    } catch (const FinalEvaluationStopped&) {
      return interrupt();
    }
  }

 private:
  void prepare() {
    refuse_other_data(run_, task_->data());
    optim::log_groups(trainer_.groups());
    if (run_.resumed() && checkpointer_.restore()) {
      log::info("resuming at step " + std::to_string(trainer_.position().step));
    } else {
      begin_anew();
    }
    recorder_.truncate_after(recorded_step(trainer_.plan(), trainer_.position()));
    Json choices = choices_;
    if (companion_) choices.update(companion_->choices());
    Json json = opening_record({request_.resolved, request_.command, context_, *task_, choices});
    if (!run_.info().contains("started")) json["started"] = timestamp();
    run_.update(json);
    const auto source = task_->source(data::Split::Train);
    if (source && recipe_.data.exif == "ignore") data::warn_of_ignored_rotations(*source);
  }

  /// A run that had got somewhere and has no checkpoint any more must not begin again unnoticed.
  void begin_anew() {
    if (run_.resumed() && run_.info().value("step", Json(0)) != Json(0)) {
      if (request_.resume == Resume::Must) {
        throw file_error(run_.checkpoints().string(), "holds no checkpoint to resume from",
                         "restore the folder, or train from the start with --resume auto");
      }
      log::warning(run_.checkpoints().string() + ": holds no checkpoint any more; the training begins again");
    }
    apply_initial_weights(*task_, recipe_);
    some_samples(*task_, recipe_);  // what is wrong with a later split is told before an epoch is trained
  }

  TrainResult interrupt() {
    run_.update({{"state", "interrupted"},
                 {"skipped", trainer_.skips().ids()},
                 {"step", trainer_.position().step},
                 {"epoch", trainer_.position().epoch},
                 {"updated", timestamp()}});
    TrainResult result = outcome(TrainResult::State::Interrupted);
    result.stopped_by = stop_signal() != 0 ? signal_name(stop_signal()) : "train.max_time";
    result.summary = {{"step", trainer_.position().step}, {"epoch", trainer_.position().epoch}};
    return result;
  }

  TrainResult finish() {
    TrainResult result = outcome(TrainResult::State::Finished);
    if (stopped_early()) {
      log::info("stopped early after " + place_text() + ": " + trainer_.early_stopping().reason());
    }
    const std::vector<Measured> measured = evaluate_best();
    result.verdicts = compare(recipe_.expect, measured);
    Json verdicts = Json::array();
    for (const auto& verdict : result.verdicts) verdicts.push_back(to_json(verdict));
    const report::Figures figures = all_figures(measured);
    result.summary = {{"epochs", trainer_.position().epoch},
                      {"steps", trainer_.position().step},
                      {"weights", "best"},
                      {"metrics", report::values_json(figures)},
                      {"figures", kinds_json(figures)},
                      {"skipped", trainer_.skips().ids()},
                      {"expect", verdicts}};
    if (const auto& best = checkpointer_.best())
      result.summary["best"] = to_json(*best, trainer_.plan().steps_per_epoch);
    if (recipe_.train.length) result.summary["length"] = recipe_.train.length->text();
    if (trainer_.early_stopping().active()) result.summary["stopped_early"] = stopped_early();
    tell_skipped();
    run_.update({{"state", "finished"},
                 {"skipped", trainer_.skips().ids()},
                 {"step", trainer_.position().step},
                 {"result", result.summary},
                 {"finished", timestamp()},
                 {"updated", timestamp()}});
    return result;
  }

  /// The figures of the best weights, and under their prefix those of the average.
  std::vector<Measured> evaluate_best() {
    const fs::path best = run_.checkpoints() / "best";
    const Checkpoint checkpoint = read_checkpoint(best);
    load_model_tensors(task_->models(), checkpoint.weights, (best / "model.safetensors").string());
    if (companion_) companion_->load(checkpoint.state, kSavedCompanion);
    std::vector<Measured> measured;
    for (const auto split : {data::Split::Val, data::Split::Test}) {
      if (!task_->source(split)) continue;
      measured.push_back(measure(split));
      accompany(split, measured.back());
    }
    const fs::path averaged = averaged_weights(run_.path());
    if (!trainer_.averager().ready() || averaged.empty()) return measured;
    load_model_tensors(task_->models(), weights::read_safetensors(averaged).tensors, averaged.string());
    for (auto& entry : measured) {
      const auto split = entry.split == "val" ? data::Split::Val : data::Split::Test;
      report::append(entry.figures, report::prefixed(trainer_.averager().prefix(), measure(split).figures));
    }
    return measured;
  }

  /// Adds the figures of what the best weights become.
  void accompany(data::Split split, Measured& measured) {
    if (!companion_) return;
    const auto more = companion_->figures(split, final_options(), /*averaged=*/false);
    report::append(measured.figures, report::prefixed(companion_->prefix(), more));
  }

  EvaluateOptions final_options() {
    EvaluateOptions options = evaluate_options(recipe_);
    options.progress = [this](std::int64_t, std::int64_t) {
      if (trainer_.asked_to_stop()) throw FinalEvaluationStopped();
    };
    return options;
  }

  Measured measure(data::Split split) {
    const Evaluation evaluation = evaluate(*task_, split, context_, final_options());
    trainer_.skips().add(data::split_name(split), evaluation.skipped);
    return {data::split_name(split),   task_->data().name,
            task_->data().fingerprint, "best",
            evaluation.evaluated,      evaluation.total - evaluation.evaluated,
            evaluation.figures};
  }

  void tell_skipped() {
    const std::int64_t count = trainer_.skips().count();
    if (count == 0) return;
    log::warning(std::to_string(count) + (count == 1 ? " sample was" : " samples were") +
                 " skipped because they cannot be read; run.json lists them under `skipped`");
  }

  bool stopped_early() const { return trainer_.position().step < trainer_.plan().steps(); }

  /// `epoch 3 of 12`, or `step 500 of 2000`.
  std::string place_text() const {
    const TrainingPlan& plan = trainer_.plan();
    const Position& at = trainer_.position();
    if (plan.in_steps()) return "step " + std::to_string(at.step) + " of " + std::to_string(plan.steps());
    return "epoch " + std::to_string(at.epoch) + " of " + std::to_string(plan.epochs);
  }

  fs::path last_checkpoint() const {
    const auto all = list_checkpoints(run_.checkpoints());
    return all.empty() ? fs::path() : all.back();
  }

  TrainResult outcome(TrainResult::State state) const {
    TrainResult result;
    result.state = state;
    result.run = run_.path();
    return result;
  }

  const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  const TrainRequest& request_;
  RunDirectory& run_;
  const config::Recipe& recipe_;
  Context context_;
  std::unique_ptr<Task> task_;
  std::unique_ptr<Companion> companion_;
  Json choices_;
  Trainer trainer_;
  Recorder recorder_;
  Checkpointer checkpointer_;
};

/// What stopped the run may keep run.json from being written, too; that must not hide it.
void note_failure(RunDirectory& run, const std::exception& reason) {
  const std::string text = reason.what();  // LibTorch's go on with a stack trace
  try {
    run.update({{"state", "failed"}, {"error", text.substr(0, text.find('\n'))}, {"updated", timestamp()}});
  } catch (const std::exception& error) {
    log::debug(error.what());
  }
}

TrainResult already_finished(const RunDirectory& run) {
  TrainResult result;
  result.state = TrainResult::State::AlreadyFinished;
  result.run = run.path();
  result.summary = run.info().value("result", Json::object());
  return result;
}

}  // namespace

TrainResult train(const TaskFactory& tasks, const TrainRequest& request) {
  watch_closed_pipes();  // before anything is said
  note_resolution(request.resolved);
  if (!fs::exists(request.out / "run.json")) check_initial_weights(request.resolved);
  RunDirectory run = RunDirectory::claim(request.out, request.resolved, request.resume);
  if (run.resumed() && run.state() == "finished") return already_finished(run);
  log::set_file(run.log_file());
  try {
    return Session(tasks, request, run).run();
  } catch (const std::exception& error) {
    note_failure(run, error);
    throw;
  }
}

}  // namespace mlrun::engine
