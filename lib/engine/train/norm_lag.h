#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "engine/task.h"
#include "engine/train/hooks.h"

namespace mlrun::engine {

/// Warns, once, where evaluation learns nothing of a training that learns, and batch norm's running statistics, which
/// evaluation alone uses, still hold much of what they began with: their momentum is too small for so few steps.
class NormLag : public Hook {
 public:
  /// `select` is the figure that chooses the best weights, `batches` how many a step has.
  NormLag(const Task& task, std::string select, std::int64_t batches);

  void on_step(const StepReport& report) override;
  void on_stretch(const StretchReport& report) override;

  /// The warning; empty where there was none.
  const std::string& said() const { return said_; }

 private:
  /// The share of the statistics that is older than this training.
  double old_share() const;
  bool stands_still(const StretchReport& report);
  bool learns();

  std::string select_;
  std::int64_t batches_;
  double momentum_ = 0;  // the least of all batch norms; 0: there is none
  std::int64_t steps_ = 0, stretches_ = 0, steps_in_stretch_ = 0;
  double loss_sum_ = 0;
  std::optional<double> first_loss_;
  std::optional<report::Figure> first_figure_;
  std::string said_;
};

}  // namespace mlrun::engine
