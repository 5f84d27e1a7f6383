#pragma once

#include <filesystem>
#include <functional>
#include <optional>

#include "engine/train/hooks.h"
#include "report/metrics_log.h"
#include "report/tensorboard.h"

namespace mlrun::engine {

/// Writes a run's figures: metrics.jsonl, metrics.csv and TensorBoard events. A stretch is one row; a
/// row of loss and learning rate (of each model, where they differ) comes every `log_steps` steps.
class Recorder : public Hook {
 public:
  /// `before_writing` is called before each write, and may throw.
  Recorder(const std::filesystem::path& run, std::int64_t log_steps, std::function<void()> before_writing = {});

  /// Forgets what was recorded after this step: a resumed run repeats it.
  void truncate_after(std::int64_t step);

  void on_start(const TrainingPlan& plan, const Position& position) override;
  void on_step(const StepReport& report) override;
  void on_stretch(const StretchReport& report) override;
  void on_stop(const Position&, bool) override { events_->flush(); }

 private:
  void ask() const;
  double epochs_at(const Position& position) const;
  void write(const Position& position, double epoch, const report::Figures& figures);

  report::MetricsLog log_;
  std::filesystem::path folder_;
  std::optional<report::TensorBoard> events_;
  std::int64_t log_steps_;
  std::function<void()> before_writing_;
  TrainingPlan plan_;
};

/// The last step that has been recorded when a training stands at `position`: a stretch whose
/// evaluation is still to come has no row yet.
std::int64_t recorded_step(const TrainingPlan& plan, const Position& position);

}  // namespace mlrun::engine
