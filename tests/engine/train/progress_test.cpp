#include "engine/train/progress.h"

#include <fcntl.h>
#include <unistd.h>

#include <thread>

#include "engine/train/training.h"

using namespace mlrun;
using namespace mlrun::test;
using namespace mlrun::engine;

namespace {

StretchReport epoch_report() {
  StretchReport report;
  report.position = {6, 2, 0};
  report.lr = 0.012345;
  report.train = {{"loss", 0.40214, report::Better::Lower, 4, ""}, {"acc1", 85.309}};
  report.seconds = 65;
  report.per_second = 12345.6;
  return report;
}

std::vector<std::string> log_lines(const std::filesystem::path& file) {
  std::vector<std::string> lines;
  const std::string text = read_file(file);
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\n', begin);
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

/// What lands on stderr while this lives.
class StderrFile {
 public:
  explicit StderrFile(const std::filesystem::path& file) : file_(file), before_(::dup(STDERR_FILENO)) {
    const int descriptor = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ::dup2(descriptor, STDERR_FILENO);
    ::close(descriptor);
  }
  ~StderrFile() {
    ::dup2(before_, STDERR_FILENO);
    ::close(before_);
  }
  std::string text() const { return read_file(file_); }

 private:
  std::filesystem::path file_;
  int before_;
};

StepReport step_report(std::int64_t step) {
  StepReport report;
  report.position = {step, (step - 1) / 50, (step - 1) % 50 + 1};
  report.loss = 0.5;
  report.lr = 0.1;
  report.samples = 16;
  return report;
}

/// What a training of 2 epochs of 50 steps logs.
std::vector<std::string> plain_lines(double interval) {
  const Quiet quiet;
  const TempDir folder;
  log::set_file(folder / "log");
  Progress progress(/*terminal=*/false, interval);
  const TrainingPlan plan{2, 50, 800, "images"};
  progress.on_start(plan, {});
  for (std::int64_t step = 1; step <= 100; ++step) {
    progress.on_step(step_report(step));
    if (step % 50 != 0) continue;
    progress.on_evaluation(10, 20);
    StretchReport epoch = epoch_report();
    epoch.position = {step, step / 50, 0};
    progress.on_stretch(epoch);
  }
  progress.on_stop({100, 2, 0}, true);
  log::set_file("");
  return log_lines(folder / "log");
}

}  // namespace

TEST_CASE("the line of an epoch", "[engine]") {
  StretchReport report = epoch_report();
  CHECK(stretch_line(report, {12, 3, 48, "images"}) ==
        "epoch 2/12  loss 0.4021  acc1 85.31  lr 0.01235  12,345 images/s  1:05");
  report.evaluation = Evaluation();
  report.evaluation->figures = {{"acc1", 87.2}, {"loss", 0.37, report::Better::Lower, 4, ""}};
  report.per_second = 9.87;
  CHECK(stretch_line(report, {12, 3, 48, "images"}) ==
        "epoch 2/12  loss 0.4021  acc1 85.31  val/acc1 87.20  val/loss 0.3700  lr 0.01235  9.9 images/s  1:05");
}

TEST_CASE("without a terminal there are no more lines than the interval allows", "[engine]") {
  const auto few = plain_lines(3600);
  REQUIRE(few.size() == 2);  // the epochs
  CHECK(few[0].find("epoch 1/2  loss 0.4021") != std::string::npos);
  CHECK(few[1].find("epoch 2/2  loss 0.4021") != std::string::npos);

  const auto all = plain_lines(0);
  REQUIRE(all.size() == 104);
  CHECK(all[0].find("epoch 1/2  step 1/50  loss 0.5000  lr 0.1  ") != std::string::npos);
  CHECK(all[0].find(" images/s  wait 0") != std::string::npos);
  CHECK(all[0].find("  ETA ") != std::string::npos);
  CHECK(all[50].find("evaluating  10/20") != std::string::npos);
  CHECK(all[101].find("epoch 2/2  step 50/50") != std::string::npos);
}

TEST_CASE("on a terminal one line is rewritten, no wider than the terminal, and cleared at the end", "[engine]") {
  const Quiet quiet;
  const TempDir folder;
  const StderrFile stderr_file(folder / "stderr");
  Progress progress(/*terminal=*/true, 3600);
  progress.on_start({2, 50, 800}, {});
  progress.on_step(step_report(1));
  CHECK(stderr_file.text().empty());  // too early to show
  std::this_thread::sleep_for(std::chrono::milliseconds(120));
  progress.on_step(step_report(2));
  progress.on_step(step_report(3));
  const std::string line = stderr_file.text();
  CHECK(line.find("\r\033[Kepoch 1/2  step 2/50  loss 0.5000  lr 0.1  ") == 0);
  CHECK(line.find("step 3/50") == std::string::npos);
  CHECK(line.size() <= 4 + 79);
  progress.on_stop({3, 0, 3}, false);
  CHECK(stderr_file.text() == line + "\r\033[K");
}
