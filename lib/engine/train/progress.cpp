#include "engine/train/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
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
std::string rate_text(double per_second, const Plan& plan) {
  return (per_second < 100 ? report::fixed(per_second, 1) : report::grouped(static_cast<std::int64_t>(per_second))) +
         " " + plan.unit + "/s";
}

/// Four digits are enough for people.
std::string rate_of_learning(double lr) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", lr);
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

std::string epoch_line(const EpochReport& report, const Plan& plan) {
  std::string line = "epoch " + std::to_string(report.position.epoch) + "/" + std::to_string(plan.epochs);
  report::Figures figures = report.train;
  if (report.evaluation) report::append(figures, report::prefixed("val/", report.evaluation->figures));
  for (const auto& figure : figures) line += "  " + figure.name + " " + report::value_text(figure);
  line += "  lr " + rate_of_learning(report.lr);
  line += "  " + rate_text(report.per_second, plan) + "  " + report::duration(report.seconds);
  return line;
}

Progress::Progress(bool terminal, double seconds, bool quiet)
    : terminal_(terminal), quiet_(quiet), interval_(terminal ? kLiveInterval : seconds) {}

void Progress::on_start(const Plan& plan, const Position& position) {
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

std::string Progress::epoch_text(std::int64_t epoch) const {
  return "epoch " + std::to_string(epoch + 1) + "/" + std::to_string(plan_.epochs);
}

double Progress::remaining(const Position& position) const {
  const double done = static_cast<double>(position.step - first_.step);
  const double left = static_cast<double>(plan_.epochs * plan_.steps_per_epoch - position.step);
  return seconds_between(begin_, Clock::now()) / done * left;
}

std::string Progress::step_line(const StepReport& report) {
  const auto now = Clock::now();
  const double seconds = std::max(seconds_between(measured_, now), 1e-9);
  const double share = std::clamp((waited_ - waited_before_) / seconds, 0.0, 1.0);
  std::string line = epoch_text(report.position.epoch) + "  step " + std::to_string(report.position.step_in_epoch) +
                     "/" + std::to_string(plan_.steps_per_epoch) + "  loss " + report::fixed(loss_, 4) + "  lr " +
                     rate_of_learning(report.lr) + "  " + rate_text(static_cast<double>(samples_) / seconds, plan_) +
                     "  wait " + report::percent(share, 0) + "  ETA " + report::duration(remaining(report.position));
  return line;
}

void Progress::on_step(const StepReport& report) {
  loss_ = samples_ == 0 && loss_ == 0 ? report.loss : loss_ + kSmoothing * (report.loss - loss_);
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

void Progress::on_epoch(const EpochReport& report) {
  clear();
  const std::string line = epoch_line(report, plan_);
  if (quiet_) log::record(line);
  else log::info(line);
  shown_ = measured_ = Clock::now();
  samples_ = 0;
  waited_ = waited_before_ = 0;
}

void Progress::on_stop(const Position&, bool) { clear(); }

}  // namespace mlrun::engine
