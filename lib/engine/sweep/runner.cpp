#include "engine/sweep/runner.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <memory>
#include <thread>

#include "base/log.h"
#include "base/signals.h"
#include "base/threads.h"
#include "engine/run/run_directory.h"
#include "engine/sweep/child.h"
#include "engine/sweep/claim.h"
#include "engine/sweep/status.h"
#include "report/format.h"

namespace mlrun::engine {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kPause = std::chrono::milliseconds(50);
/// How long to wait for runs that others hold: the trainings of a killed sweep are saving them.
constexpr auto kPatience = std::chrono::seconds(30);

struct Job {
  std::int64_t index = 0;
  std::unique_ptr<SweepClaim> claim;
  std::unique_ptr<ChildCommand> child;
  Clock::time_point begin;
};

class Runner {
 public:
  explicit Runner(const SweepRunRequest& request) : request_(request), plan_(read_sweep(request.folder)) {
    result_.total = static_cast<std::int64_t>(plan_.combinations.size());
    for (std::int64_t i = 0; i < result_.total; ++i) waiting_.push_back(i);
    drop_finished();
    const auto most = std::max<std::int64_t>(1, static_cast<std::int64_t>(waiting_.size()));
    jobs_ = static_cast<std::size_t>(std::min(request.jobs, most));
    threads_ = jobs_ == 1 ? 0 : std::max(1, available_processors() / static_cast<int>(jobs_));
  }

  SweepRunResult run() {
    watch_signals();
    while (true) {
      reap();
      if (stop_signal() != 0) stop_all();
      else fill();
      if (running_.empty() && done()) break;
      std::this_thread::sleep_for(kPause);
    }
    if (result_.stopped_by.empty()) {
      for (const auto index : waiting_) result_.elsewhere.push_back(name(index));
    }
    return result_;
  }

 private:
  const std::string& name(std::int64_t index) const { return plan_.combinations[static_cast<std::size_t>(index)].name; }
  std::filesystem::path run_folder(std::int64_t index) const {
    return sweep_run_folder(request_.folder, plan_.combinations[static_cast<std::size_t>(index)]);
  }

  bool finished(std::int64_t index) const { return sweep_entry(request_.folder, plan_, index).state == "finished"; }

  /// Also what others have finished meanwhile.
  void drop_finished() {
    const auto rest = std::remove_if(waiting_.begin(), waiting_.end(), [&](std::int64_t i) { return finished(i); });
    result_.finished += waiting_.end() - rest;
    waiting_.erase(rest, waiting_.end());
  }

  void fill() {
    for (auto next = waiting_.begin(); running_.size() < jobs_ && next != waiting_.end();) {
      const std::int64_t index = *next;
      auto claim = std::make_unique<SweepClaim>(request_.folder, name(index));
      if (!claim->held() || is_being_written(run_folder(index))) {
        ++next;
        continue;
      }
      next = waiting_.erase(next);
      if (finished(index)) ++result_.finished;
      else start(index, std::move(claim));
    }
  }

  void start(std::int64_t index, std::unique_ptr<SweepClaim> claim) {
    const auto& combination = plan_.combinations[static_cast<std::size_t>(index)];
    std::vector<std::string> words = {"train", sweep_recipe_file(request_.folder, combination).string()};
    try {
      for (const auto& set : sweep_layers(request_.folder, combination, threads_).overrides) {
        words.push_back(set.key + "=" + set.value);
      }
    } catch (const UserError& error) {
      return fail(index, error.problems());
    }
    words.insert(words.end(), {"--out", run_folder(index).string(), "--resume", "auto", "--quiet"});
    patient_ = false;
    running_.push_back(
        {index, std::move(claim), std::make_unique<ChildCommand>(request_.program, std::move(words)), Clock::now()});
  }

  /// Where nothing runs: true unless it is worth waiting for what others hold.
  bool done() {
    if (waiting_.empty() || !result_.stopped_by.empty()) return true;
    const auto now = Clock::now();
    if (!patient_ && request_.progress) {
      log::info("waiting a while for " + std::to_string(waiting_.size()) + " that another process trains or saves");
    }
    if (!patient_) idle_since_ = now;
    patient_ = true;
    return now - idle_since_ > kPatience;
  }

  void stop_all() {
    if (!result_.stopped_by.empty()) return;
    result_.stopped_by = signal_name(stop_signal());
    if (request_.progress && !running_.empty())
      log::info("stopping: " + std::to_string(running_.size()) + " running, which save their state");
    for (const auto& job : running_) job.child->stop();
  }

  void reap() {
    for (auto job = running_.begin(); job != running_.end();) {
      if (!job->child->ended()) {
        ++job;
        continue;
      }
      settle(*job);
      job = running_.erase(job);
    }
  }

  void settle(const Job& job) {
    const int code = job.child->code();
    const double seconds = std::chrono::duration<double>(Clock::now() - job.begin).count();
    if (code == static_cast<int>(ExitCode::Done) || code == static_cast<int>(ExitCode::Unmet)) {
      ++result_.finished;
      result_.trained.push_back(name(job.index));
      tell(job.index, "finished", seconds);
    } else if (code == static_cast<int>(ExitCode::Interrupted)) {
      result_.interrupted.push_back(name(job.index));
      tell(job.index, "stopped, its state is saved", seconds);
    } else if (is_being_written(run_folder(job.index))) {
      waiting_.push_back(job.index);  // another process was faster
    } else {
      fail(job.index, job.child->problems());
    }
  }

  void fail(std::int64_t index, const std::vector<Problem>& problems) {
    const Problem& first = problems.front();
    tell(index, "failed: " + first.text(), 0);
    for (Problem problem : problems) {
      const std::string text = problem.text();
      result_.failed.push_back({name(index), 0, 0, "", text, ""});
    }
  }

  /// `[ 3/24] 0002-lr=0.1  finished  val/acc1 93.2000  epoch 4/4  12 s`.
  void tell(std::int64_t index, const std::string& what, double seconds) const {
    if (!request_.progress) return;
    const std::string total = std::to_string(result_.total), done = std::to_string(result_.finished);
    std::string line =
        "[" + std::string(total.size() - done.size(), ' ') + done + "/" + total + "] " + name(index) + "  " + what;
    const RunSummary run = sweep_entry(request_.folder, plan_, index).run;
    if (seconds > 0 && run.best) line += "  " + run.best->figure.name + " " + report::fixed(run.best->figure.value, 4);
    if (seconds > 0) {
      line += (run.length.empty() ? "  epoch " : "  ") + run.progress() + "  " + report::duration(seconds);
    }
    log::info(line);
  }

  const SweepRunRequest& request_;
  const SweepPlan plan_;
  std::size_t jobs_ = 1;
  std::int64_t threads_ = 0;
  std::deque<std::int64_t> waiting_;
  std::vector<Job> running_;
  SweepRunResult result_;
  bool patient_ = false;  // from idle_since_ on
  Clock::time_point idle_since_;
};

}  // namespace

ExitCode SweepRunResult::code() const {
  if (!stopped_by.empty() || !interrupted.empty()) return ExitCode::Interrupted;
  return failed.empty() ? ExitCode::Done : ExitCode::User;
}

SweepRunResult run_sweep(const SweepRunRequest& request) { return Runner(request).run(); }

}  // namespace mlrun::engine
