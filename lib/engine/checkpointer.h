#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "config/bind.h"
#include "engine/checkpoint.h"
#include "engine/run_directory.h"
#include "engine/trainer.h"

namespace mlrun::engine {

/// The best evaluation so far.
struct Best {
  std::string metric;  ///< as `val/acc1`
  double value = 0;
  std::int64_t step = 0;
};

/// Saves checkpoints as the recipe says, keeps `last` and `best` pointing at theirs, prunes.
class Checkpointer : public Hook {
 public:
  Checkpointer(const RunDirectory& run, Trainer& trainer, Task& task, const config::Resolved& resolved);

  /// Takes up the newest checkpoint of the run. False where there is none yet.
  bool restore();

  void on_epoch(const EpochReport& report) override;
  void on_stop(const Position& position, bool finished) override;

  const std::optional<Best>& best() const { return best_; }

 private:
  /// Mends the links that a process which died between saving and linking left behind.
  void relink(const std::vector<std::filesystem::path>& all) const;
  bool due(const Position& position) const;
  bool improve(const EpochReport& report);
  void save(const Position& position);
  weights::Metadata metadata(const Position& position) const;

  const RunDirectory& run_;
  Trainer& trainer_;
  Task& task_;
  const config::Resolved& resolved_;
  std::string select_;
  std::optional<Best> best_;
  std::int64_t saved_step_ = -1;
};

}  // namespace mlrun::engine
