#include "engine/train/recorder.h"

#include <utility>

namespace mlrun::engine {

Recorder::Recorder(const std::filesystem::path& run, std::int64_t log_steps, std::function<void()> before_writing)
    : log_(run), folder_(run / "tensorboard"), log_steps_(log_steps), before_writing_(std::move(before_writing)) {}

void Recorder::ask() const {
  if (before_writing_) before_writing_();
}

void Recorder::truncate_after(std::int64_t step) {
  ask();
  log_.truncate_after(step);
}

void Recorder::on_start(const Plan& plan, const Position& position) {
  ask();
  plan_ = plan;
  if (position.step == 0) events_.emplace(folder_);
  else events_.emplace(folder_, recorded_step(plan, position) + 1);
}

std::int64_t recorded_step(const Plan& plan, const Position& position) {
  return position.step_in_epoch == plan.steps_per_epoch ? position.step - 1 : position.step;
}

void Recorder::write(const Position& position, double epoch, const report::Figures& figures) {
  ask();
  log_.append(position.step, epoch, figures);
  report::Scalars scalars;
  for (const auto& figure : figures) scalars.emplace_back(figure.name, figure.value);
  events_->scalars(position.step, scalars);
}

void Recorder::on_step(const StepReport& report) {
  const Position& at = report.position;
  if (at.step % log_steps_ != 0 || at.step_in_epoch == plan_.steps_per_epoch) return;
  const double epoch = static_cast<double>(at.epoch) +
                       static_cast<double>(at.step_in_epoch) / static_cast<double>(plan_.steps_per_epoch);
  write(at, epoch, {{"step/loss", report.loss}, {"step/lr", report.lr}, {"step/grad_norm", report.grad_norm}});
}

void Recorder::on_epoch(const EpochReport& report) {
  report::Figures row = report::prefixed("train/", report.train);
  if (report.evaluation) report::append(row, report::prefixed("val/", report.evaluation->figures));
  report::append(row, {{"lr", report.lr},
                       {"seconds", report.seconds},
                       {plan_.unit + "_per_s", report.per_second},
                       {"wait_share", report.wait_share}});
  write(report.position, static_cast<double>(report.position.epoch), row);
  events_->flush();
}

}  // namespace mlrun::engine
