#include "engine/train/recorder.h"

#include <utility>

namespace mlrun::engine {
namespace {

/// `NAME`, or `NAME/MODEL` for each model.
report::Figures figures_of(const std::string& name, double value, const ByModel& by_model) {
  if (by_model.empty()) return {{name, value}};
  report::Figures figures;
  for (const auto& [model, own] : by_model) figures.push_back({name + "/" + model, own});
  return figures;
}

}  // namespace

Recorder::Recorder(const std::filesystem::path& run, std::int64_t log_steps, std::function<void()> before_writing)
    : log_(run), folder_(run / "tensorboard"), log_steps_(log_steps), before_writing_(std::move(before_writing)) {}

void Recorder::ask() const {
  if (before_writing_) before_writing_();
}

void Recorder::truncate_after(std::int64_t step) {
  ask();
  log_.truncate_after(step);
}

void Recorder::on_start(const TrainingPlan& plan, const Position& position) {
  ask();
  plan_ = plan;
  if (position.step == 0) events_.emplace(folder_);
  else events_.emplace(folder_, recorded_step(plan, position) + 1);
}

std::int64_t recorded_step(const TrainingPlan& plan, const Position& position) {
  return plan.waits(position) ? position.step - 1 : position.step;
}

double Recorder::epochs_at(const Position& position) const {
  return static_cast<double>(position.epoch) +
         static_cast<double>(position.step_in_epoch) / static_cast<double>(plan_.steps_per_epoch);
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
  if (at.step % log_steps_ != 0 || plan_.ends_stretch(at.step)) return;
  report::Figures row = figures_of("step/loss", report.loss, report.losses);
  report::append(row, figures_of("step/lr", report.lr, report.rates));
  row.push_back({"step/grad_norm", report.grad_norm});
  write(at, epochs_at(at), row);
}

void Recorder::on_stretch(const StretchReport& report) {
  report::Figures row = report::prefixed("train/", report.train);
  if (report.evaluation) report::append(row, report::prefixed("val/", report.evaluation->figures));
  report::append(row, figures_of("lr", report.lr, report.rates));
  report::append(
      row,
      {{"seconds", report.seconds}, {plan_.unit + "_per_s", report.per_second}, {"wait_share", report.wait_share}});
  write(report.position, epochs_at(report.position), row);
  events_->flush();
}

}  // namespace mlrun::engine
