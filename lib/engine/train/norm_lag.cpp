#include "engine/train/norm_lag.h"

#include <cmath>
#include <utility>

#include "base/log.h"
#include "engine/train/selection.h"
#include "nn/norm.h"
#include "report/format.h"

namespace mlrun::engine {
namespace {

constexpr std::int64_t kPatience = 3;  // stretches before anything is said
constexpr double kOld = 0.1;           // share of old statistics that is worth a warning
constexpr double kLearnt = 0.8;        // of the first stretch's loss

double least_momentum(const Models& models) {
  double least = 0;
  for (const auto& model : models) {
    for (nn::Layer* layer : model.second->all_layers()) {
      const auto* norm = dynamic_cast<nn::BatchNorm*>(layer);
      if (norm == nullptr || norm->options().momentum <= 0) continue;
      if (least == 0 || norm->options().momentum < least) least = norm->options().momentum;
    }
  }
  return least;
}

}  // namespace

NormLag::NormLag(const Task& task, std::string select, std::int64_t batches)
    : select_(std::move(select)), batches_(batches), momentum_(least_momentum(task.models())) {}

double NormLag::old_share() const {
  return std::pow(1 - momentum_, static_cast<double>(steps_) * static_cast<double>(batches_));
}

void NormLag::on_step(const StepReport& report) {
  ++steps_;
  ++steps_in_stretch_;
  loss_sum_ += report.loss;
}

bool NormLag::learns() {
  if (steps_in_stretch_ == 0) return false;
  const double loss = loss_sum_ / static_cast<double>(steps_in_stretch_);
  loss_sum_ = 0;
  steps_in_stretch_ = 0;
  if (!first_loss_) first_loss_ = loss;
  return *first_loss_ > 0 && loss < kLearnt * *first_loss_;
}

bool NormLag::stands_still(const StretchReport& report) {
  if (!report.evaluation) return false;
  const auto figure = selecting_figure(select_, *report.evaluation);
  if (!figure) return false;
  if (!first_figure_) first_figure_ = figure;
  return !report::is_better(figure->better, figure->value, first_figure_->value);
}

void NormLag::on_stretch(const StretchReport& report) {
  const bool learning = learns(), still = stands_still(report);
  if (++stretches_ < kPatience || !learning || !still || momentum_ == 0 || !said_.empty()) return;
  const double share = old_share();
  if (share < kOld) return;
  said_ = select_ +
          " is no better than at first, while the loss of training falls: the running statistics of batch norm, " +
          "by which evaluation alone normalizes, still hold " + report::percent(share, 0) +
          " of what they began with (momentum " + report::shortest(momentum_) + ", " + std::to_string(steps_) +
          " steps); train longer, or set model.batch_norm.momentum, as 0.1";
  log::warning(said_);
}

}  // namespace mlrun::engine
