#pragma once

#include <memory>
#include <string>
#include <vector>

#include "config/bind.h"
#include "engine/context.h"
#include "engine/feed.h"
#include "engine/hands.h"
#include "engine/hooks.h"
#include "engine/task.h"
#include "optim/optimizer.h"
#include "optim/schedule.h"

namespace mlrun::engine {

/// Trains a task as its recipe says: one loop, hooks beside it.
class Trainer : public data::Stateful {
 public:
  /// Draws the initial weights, moves them to the device, makes the optimizers.
  Trainer(Task& task, const config::Recipe& recipe, const Context& context);

  /// Trains from the current position to the end. False when a signal stopped it between two steps.
  bool run(const std::vector<Hook*>& hooks);

  /// Does `steps` steps and stops, without evaluation: what a dry run times.
  void run_steps(std::int64_t steps, const std::vector<Hook*>& hooks);

  const Plan& plan() const { return plan_; }
  const Position& position() const { return position_; }

  /// Everything that resume needs beside the weights.
  void save(data::State& state, const std::string& prefix) const override;
  void load(const data::State& state, const std::string& prefix) override;

 private:
  struct EpochOutcome {
    bool complete = false;  ///< the epoch's last step is done
    double seconds = 0;
    double waited = 0;
    std::int64_t samples = 0;
    double lr = 0;
  };

  EpochOutcome train_epoch(const std::vector<Hook*>& hooks, std::int64_t until_step);
  void train_micro(const MicroBatch& micro, double lr);
  void finish_epoch(const std::vector<Hook*>& hooks, const EpochOutcome& outcome);
  bool evaluation_due() const;
  bool stopping(std::int64_t until_step) const;

  Task& task_;
  const config::Recipe& recipe_;
  Context context_;
  std::shared_ptr<const data::Source> source_;
  Hands::Optimizers optimizers_;
  std::unique_ptr<optim::LearningRate> learning_rate_;
  std::unique_ptr<Hands> hands_;
  Plan plan_;
  Position position_;
};

}  // namespace mlrun::engine
