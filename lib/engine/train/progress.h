#pragma once

#include <chrono>
#include <string>

#include "engine/train/hooks.h"

namespace mlrun::engine {

/// Shows a training on stderr: on a terminal one live line, elsewhere plain lines at most every
/// `seconds`; a summary line for every stretch in both.
class Progress : public Hook {
 public:
  /// With `quiet` the summary lines go to the run's log alone.
  Progress(bool terminal, double seconds, bool quiet = false);

  void on_start(const TrainingPlan& plan, const Position& position) override;
  void on_step(const StepReport& report) override;
  void on_evaluation(std::int64_t done, std::int64_t total) override;
  void on_stretch(const StretchReport& report) override;
  void on_stop(const Position& position, bool finished) override;

 private:
  using Clock = std::chrono::steady_clock;

  bool time_to_show() const;
  void show(const std::string& line);
  void clear();
  void smooth(const StepReport& report);
  std::string place_text(const Position& position) const;
  std::string losses_text() const;
  std::string step_line(const StepReport& report);
  double remaining(const Position& position) const;

  bool terminal_, quiet_;
  double interval_;
  TrainingPlan plan_;
  Position first_;           // where this process took up the training
  Clock::time_point begin_;  // of this process's training
  Clock::time_point shown_;
  Clock::time_point measured_;  // since when images and waiting are counted
  std::int64_t samples_ = 0;
  double waited_before_ = 0, waited_ = 0;
  ByModel losses_;  // smoothed; one without a name where there is one
  bool live_ = false;
};

/// True where stderr is a terminal that can rewrite a line.
bool stderr_is_terminal();

/// One line for people about one stretch: `epoch 3/12  loss 0.4021  acc1 85.31  val/acc1 87.20 ...`, or `step
/// 500/2000`.
std::string stretch_line(const StretchReport& report, const TrainingPlan& plan);

}  // namespace mlrun::engine
