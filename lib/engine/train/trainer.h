#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/bind.h"
#include "engine/average/averager.h"
#include "engine/compute.h"
#include "engine/context.h"
#include "engine/task.h"
#include "engine/train/companion.h"
#include "engine/train/early_stopping.h"
#include "engine/train/feed.h"
#include "engine/train/freeze.h"
#include "engine/train/hands.h"
#include "engine/train/hooks.h"
#include "engine/train/model_rates.h"
#include "engine/train/skip_log.h"
#include "optim/groups.h"
#include "optim/optimizer.h"
#include "optim/schedule.h"

namespace mlrun::engine {

/// Trains a task as its recipe says: one loop, hooks beside it.
class Trainer : public data::Stateful {
 public:
  /// Draws the initial weights, moves them to the device, makes the optimizers. `companion` may be null; it must
  /// outlive the trainer.
  Trainer(Task& task, const config::Recipe& recipe, const Context& context, Companion* companion = nullptr);

  /// Trains from the current position to the end. False when a signal or the deadline stopped it,
  /// after a step or in an evaluation, which resume then makes anew.
  bool run(const std::vector<Hook*>& hooks);

  /// Stops the training at this time as a signal would. At least one step is done, or else an
  /// evaluation that was waiting.
  void stop_at(std::chrono::steady_clock::time_point deadline) { deadline_ = deadline; }

  /// True where a signal or the deadline asks this training to stop.
  bool asked_to_stop() const;

  /// Does `steps` steps and stops, without evaluation: what a dry run times.
  void run_steps(std::int64_t steps, const std::vector<Hook*>& hooks);

  const Averager& averager() const { return *averager_; }
  /// The rate of the recipe's schedule, which all models have but those with one of their own.
  const optim::PhasedRate& learning_rate() const { return rates_->shared(); }
  /// The averaged weights as they were evaluated when the epoch that ended last did, by state-dict
  /// name; empty where there were none.
  const weights::NamedTensors& averaged() const { return averaged_; }

  /// What chooses `best`, as `val/acc1`.
  const std::string& selects() const { return selects_; }
  /// Whether and why the training ends before its last epoch.
  const EarlyStopping& early_stopping() const { return *early_stopping_; }

  /// How the parameters are divided for the optimizers.
  const std::vector<optim::GroupSummary>& groups() const { return groups_; }
  const TrainingPlan& plan() const { return plan_; }
  const Position& position() const { return position_; }
  /// What could not be read so far, of every split.
  SkipLog& skips() { return skips_; }

  /// Everything that resume needs beside the weights.
  void save(data::State& state, const std::string& prefix) const override;
  void load(const data::State& state, const std::string& prefix) override;

 private:
  struct StretchOutcome {
    bool complete = false;  ///< the stretch's last step is done
    double seconds = 0;
    double waited = 0;
    std::int64_t samples = 0;
  };

  StretchOutcome train_stretch(const std::vector<Hook*>& hooks, std::int64_t until_step);
  /// Trains from the present position to the end of its epoch, of its stretch or to `until_step`.
  void train_epoch(const std::vector<Hook*>& hooks, std::int64_t until_step, StretchOutcome& outcome);
  std::unique_ptr<Feed> epoch_feed() const;
  /// Takes one micro-batch; with several phases, all of a step with its last one.
  void take(MicroBatch micro);
  void train_micro(const MicroBatch& micro, std::size_t phase);
  void set_rates();
  /// Throws Divergence where a loss or a gradient is not finite.
  void check_numbers(const MicroBatch& micro) const;
  void finish_step(const std::vector<Hook*>& hooks, const Feed& feed, StretchOutcome& outcome);
  /// False where the evaluation was stopped: nobody has been told of the stretch then.
  bool finish_stretch(const std::vector<Hook*>& hooks, const StretchOutcome& outcome);
  /// Evaluates the weights, where that is due, and their average; false where it was stopped.
  bool evaluate_stretch(const std::vector<Hook*>& hooks, std::optional<Evaluation>& evaluation);
  void evaluate_average(const EvaluateOptions& options, std::optional<Evaluation>& evaluation);
  /// Adds the companion's figures.
  void accompany(const EvaluateOptions& options, const std::string& prefix, Evaluation& evaluation);
  /// True once nothing is left to train.
  bool done() const {
    return (position_.step == plan_.steps() && !plan_.waits(position_)) || early_stopping_->reached();
  }
  bool at_end() const { return position_.step == plan_.steps(); }
  bool evaluation_due() const;

  Task& task_;
  const config::Recipe& recipe_;
  Context context_;
  Companion* companion_;
  FrozenStages frozen_;
  std::unique_ptr<Feed> feed_;      // of the task's own; null: epochs over its samples
  std::unique_ptr<Epochs> epochs_;  // null with a feed of the task's own
  std::vector<std::string> phases_;
  std::unique_ptr<Compute> compute_;
  Optimizers optimizers_;
  std::vector<optim::GroupSummary> groups_;
  std::unique_ptr<Averager> averager_;
  std::unique_ptr<ModelRates> rates_;
  std::unique_ptr<Hands> hands_;
  std::string selects_;
  std::unique_ptr<EarlyStopping> early_stopping_;
  TrainingPlan plan_;
  Position position_;
  SkipLog skips_;
  std::optional<std::chrono::steady_clock::time_point> deadline_;
  std::int64_t steps_done_ = 0;     // by this process
  std::vector<double> grad_norms_;  // of the last steps
  std::vector<MicroBatch> held_;    // of the step under way, for its later phases
  weights::NamedTensors averaged_;
};

}  // namespace mlrun::engine
