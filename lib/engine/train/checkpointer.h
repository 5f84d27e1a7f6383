#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "config/bind.h"
#include "engine/run/checkpoint.h"
#include "engine/run/recorded_figures.h"
#include "engine/run/run_directory.h"
#include "engine/train/trainer.h"

namespace mlrun::engine {

/// Saves checkpoints as the recipe says, keeps `last` and `best` pointing at theirs, prunes once the
/// next one is safe. Weights that are not finite are never saved: Divergence.
class Checkpointer : public Hook {
 public:
  Checkpointer(const RunDirectory& run, Trainer& trainer, Task& task, const config::Resolved& resolved);

  /// Takes up the newest checkpoint of the run that is intact; damaged ones are reported and set
  /// aside. False where there is none yet; UserError where all are damaged.
  bool restore();

  void on_start(const TrainingPlan& plan, const Position& position) override;
  void on_step(const StepReport& report) override;
  void on_stretch(const StretchReport& report) override;
  void on_stop(const Position& position, bool finished) override;

  const std::optional<Best>& best() const { return best_; }

 private:
  /// The newest intact checkpoint; nothing where there is none at all. What was wrong with newer ones
  /// is added to `warnings`.
  std::optional<Checkpoint> newest_intact(std::vector<std::string>& warnings) const;
  void take_up(const Checkpoint& checkpoint);
  /// Mends the links that a process which died between saving and linking left behind.
  void relink();
  bool due(const Position& position) const;
  bool improve(const StretchReport& report);
  void save(const Position& position);
  void prune() const;
  /// True where a cycle of the learning rate was lowest in the step before, and such are kept.
  bool of_minimum(std::int64_t step) const;
  void link(const char* name) const;
  weights::Metadata metadata(const Position& position) const;

  const RunDirectory& run_;
  Trainer& trainer_;
  Task& task_;
  const config::Resolved& resolved_;
  std::string select_;
  std::optional<Best> best_;
  TrainingPlan plan_;
  std::int64_t every_ = 0;                            // steps; 0: by time, or at the end alone
  std::chrono::steady_clock::time_point saved_time_;  // or, before that, the start
  std::optional<Position> saved_;
};

}  // namespace mlrun::engine
