#include "engine/train/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/log.h"
#include "base/printable.h"
#include "report/format.h"

namespace mlrun::engine {
namespace {

constexpr double kLiveInterval = 0.1;  // seconds between two states of the live line
constexpr double kSmoothing = 0.05;    // share of a new loss in the one shown

double seconds_between(std::chrono::steady_clock::time_point a, std::chrono::steady_clock::time_point b) {
  return std::chrono::duration<double>(b - a).count();
}

/// `1,467 images/s`.
std::string rate_text(double per_second, const TrainingPlan& plan) {
  return (per_second < 100 ? report::fixed(per_second, 1) : report::grouped(static_cast<std::int64_t>(per_second))) +
         " " + plan.unit + "/s";
}

/// Four digits are enough for people.
std::string rate_of_learning(double lr) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", lr);
  return text;
}

/// `0.1`, or `critic 0.1, generator 0.2`.
std::string rates_text(double lr, const ByModel& rates) {
  if (rates.empty()) return rate_of_learning(lr);
  std::string text;
  for (const auto& [model, rate] : rates) text += (text.empty() ? "" : ", ") + model + " " + rate_of_learning(rate);
  return text;
}

std::size_t terminal_width() {
  winsize size = {};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

}  // namespace

bool stderr_is_terminal() {
  const char* kind = std::getenv("TERM");
  return isatty(STDERR_FILENO) == 1 && (kind == nullptr || std::strcmp(kind, "dumb") != 0);
}

std::string stretch_line(const StretchReport& report, const TrainingPlan& plan) {
  std::string line = plan.in_steps()
                         ? "step " + std::to_string(report.position.step) + "/" + std::to_string(plan.steps())
                         : "epoch " + std::to_string(report.position.epoch) + "/" + std::to_string(plan.epochs);
  report::Figures figures = report.train;
  if (report.evaluation) report::append(figures, report::prefixed("val/", report.evaluation->figures));
  for (const auto& figure : figures) line += "  " + figure.name + " " + report::value_text(figure);
  line += "  lr " + rates_text(report.lr, report.rates);
  line += "  " + rate_text(report.per_second, plan) + "  " + report::duration(report.seconds);
  return line;
}

Progress::Progress(bool terminal, double seconds, bool quiet)
    : terminal_(terminal), quiet_(quiet), interval_(terminal ? kLiveInterval : seconds) {}

void Progress::on_start(const TrainingPlan& plan, const Position& position) {
  plan_ = plan;
  first_ = position;
  begin_ = shown_ = measured_ = Clock::now();
}

bool Progress::time_to_show() const { return !quiet_ && seconds_between(shown_, Clock::now()) >= interval_; }

void Progress::show(const std::string& line) {
  shown_ = Clock::now();
  if (!terminal_) return log::info(line);
  const std::string cut = printable_line(line).substr(0, terminal_width() - 1);
  std::fprintf(stderr, "\r\033[K%s", cut.c_str());
  std::fflush(stderr);
  live_ = true;
}

void Progress::clear() {
  if (!live_) return;
  std::fputs("\r\033[K", stderr);
  std::fflush(stderr);
  live_ = false;
}

/// `epoch 2/12  step 3/50`, or the step alone where that is how the training is told.
std::string Progress::place_text(const Position& position) const {
  if (plan_.in_steps()) return "step " + std::to_string(position.step) + "/" + std::to_string(plan_.steps());
  return "epoch " + std::to_string(position.epoch + 1) + "/" + std::to_string(plan_.epochs) + "  step " +
         std::to_string(position.step_in_epoch) + "/" + std::to_string(plan_.steps_per_epoch);
}

double Progress::remaining(const Position& position) const {
  const double done = static_cast<double>(position.step - first_.step);
  const double left = static_cast<double>(plan_.steps() - position.step);
  return seconds_between(begin_, Clock::now()) / done * left;
}

std::string Progress::losses_text() const {
  if (losses_.empty()) return "-";
  if (losses_.size() == 1) return report::fixed(losses_.front().second, 4);
  std::string text;
  for (const auto& [model, loss] : losses_) text += (text.empty() ? "" : ", ") + model + " " + report::fixed(loss, 4);
  return text;
}

std::string Progress::step_line(const StepReport& report) {
  const auto now = Clock::now();
  const double seconds = std::max(seconds_between(measured_, now), 1e-9);
  const double share = std::clamp((waited_ - waited_before_) / seconds, 0.0, 1.0);
  return place_text(report.position) + "  loss " + losses_text() + "  lr " + rates_text(report.lr, report.rates) +
         "  " + rate_text(static_cast<double>(samples_) / seconds, plan_) + "  wait " + report::percent(share, 0) +
         "  ETA " + report::duration(remaining(report.position));
}

/// Takes in the losses of a step, each smoothed by itself.
void Progress::smooth(const StepReport& report) {
  const ByModel now = report.losses.empty() ? ByModel{{"", report.loss}} : report.losses;
  for (const auto& [model, loss] : now) {
    if (!std::isfinite(loss)) continue;  // a step of which nothing counted
    const auto known =
        std::find_if(losses_.begin(), losses_.end(), [&, name = model](const auto& it) { return it.first == name; });
    if (known == losses_.end()) losses_.emplace_back(model, loss);
    else known->second += kSmoothing * (loss - known->second);
  }
}

void Progress::on_step(const StepReport& report) {
  smooth(report);
  samples_ += report.samples;
  if (report.wait < waited_) waited_before_ = 0;  // a new epoch counts from zero
  waited_ = report.wait;
  if (!time_to_show()) return;
  show(step_line(report));
  if (seconds_between(measured_, Clock::now()) < 2) return;
  measured_ = Clock::now();
  samples_ = 0;
  waited_before_ = waited_;
}

void Progress::on_evaluation(std::int64_t done, std::int64_t total) {
  if (!time_to_show()) return;
  show("evaluating  " + report::grouped(done) + "/" + report::grouped(total));
}

void Progress::on_stretch(const StretchReport& report) {
  clear();
  const std::string line = stretch_line(report, plan_);
  if (quiet_) log::record(line);
  else log::info(line);
  shown_ = measured_ = Clock::now();
  samples_ = 0;
  waited_ = waited_before_ = 0;
}

void Progress::on_stop(const Position&, bool) { clear(); }

}  // namespace mlrun::engine
