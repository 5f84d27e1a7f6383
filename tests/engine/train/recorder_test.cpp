#include "engine/train/recorder.h"

#include "engine/train/training.h"

using namespace mlrun;
using namespace mlrun::test;
using namespace mlrun::engine;

namespace {

/// Records steps `first` .. `last` of epochs of 10 steps, every third one, and the epochs among them.
void record(Recorder& recorder, std::int64_t first, std::int64_t last) {
  recorder.on_start({3, 10, 100, "images"}, {first - 1, (first - 1) / 10, (first - 1) % 10});
  for (std::int64_t step = first; step <= last; ++step) {
    StepReport report;
    report.position = {step, (step - 1) / 10, (step - 1) % 10 + 1};
    report.loss = 1.0 / static_cast<double>(step);
    report.lr = 0.1;
    recorder.on_step(report);
    if (step % 10 != 0) continue;
    StretchReport epoch;
    epoch.position = {step, step / 10, 0};
    epoch.train = {{"loss", 0.5}};
    epoch.evaluation = Evaluation();
    epoch.evaluation->figures = {{"acc1", 90}};
    recorder.on_stretch(epoch);
  }
}

std::vector<std::int64_t> steps_in(const std::filesystem::path& folder) {
  std::vector<std::int64_t> steps;
  for (const auto& row : json_lines(folder / "metrics.jsonl")) steps.push_back(row["step"].get<std::int64_t>());
  return steps;
}

}  // namespace

TEST_CASE("steps and epochs become rows", "[engine]") {
  const TempDir folder;
  Recorder recorder(folder.path(), 3);
  record(recorder, 1, 20);
  const auto rows = json_lines(folder / "metrics.jsonl");
  CHECK(steps_in(folder.path()) == std::vector<std::int64_t>{3, 6, 9, 10, 12, 15, 18, 20});
  CHECK(rows[0]["epoch"] == 0.3);
  CHECK(rows[0]["step/loss"] == 1.0 / 3);
  CHECK(rows[0]["step/lr"] == 0.1);
  CHECK(rows[3]["epoch"] == 1);
  CHECK(rows[3]["train/loss"] == 0.5);
  CHECK(rows[3]["val/acc1"] == 90);
  CHECK(rows[3].contains("images_per_s"));
  CHECK(std::distance(std::filesystem::directory_iterator(folder / "tensorboard"), {}) == 1);
  const std::string csv = read_file(folder / "metrics.csv");
  CHECK(csv.find("step,epoch,step/loss,step/lr,step/grad_norm,train/loss,val/acc1") == 0);
}

TEST_CASE("a resumed run repeats no row", "[engine]") {
  const TempDir folder;
  {
    Recorder recorder(folder.path(), 3);
    record(recorder, 1, 18);
  }
  Recorder again(folder.path(), 3);
  again.truncate_after(10);
  record(again, 11, 20);
  CHECK(steps_in(folder.path()) == std::vector<std::int64_t>{3, 6, 9, 10, 12, 15, 18, 20});
}
