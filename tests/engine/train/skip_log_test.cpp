#include "engine/train/skip_log.h"

#include <csignal>

#include <torch/types.h>

#include "engine/run/checkpoint.h"
#include "engine/run/faulty.h"
#include "engine/train/trainer.h"
#include "weights/safetensors.h"

using namespace mlrun;
using namespace mlrun::test;
using engine::Resume;
using engine::SkipLog;

namespace fs = std::filesystem;

namespace {

const std::string kSkip = "data.on_error=skip";
const Faults kSomeFaults = {
    {data::Split::Train, {3, 17, 18, 31}}, {data::Split::Val, {2}}, {data::Split::Test, {0, 19}}};

std::string weights_of(const fs::path& run) { return last_file(run, "model.safetensors"); }

Json run_info(const fs::path& run) { return Json::parse(read_file(run / "run.json")); }

/// Tells a training to stop, as SIGTERM does, with its `count`th micro-batch.
WatchedTask::OnTrain stop_after(int count) {
  return [count, seen = std::make_shared<int>(0)](engine::Task&, const data::Batch&) {
    if (++*seen == count) std::raise(SIGTERM);
  };
}

}  // namespace

TEST_CASE("a skipped sample is counted once, and its split is kept", "[engine][skip]") {
  const Quiet quiet;
  SkipLog log;
  CHECK(log.ids() == Json::object());
  log.add("train", {{"b.jpg", 4, "broken"}, {"a.jpg", 2, "gone"}});
  log.add("val", {{"a.jpg", 0, "gone"}});
  log.add("train", {{"a.jpg", 2, "gone again"}});
  CHECK(log.count() == 3);
  CHECK(log.ids() == Json{{"train", {"b.jpg", "a.jpg"}}, {"val", {"a.jpg"}}});
  CHECK(log.last_message() == "gone again");

  data::State state;
  log.save(state, "trainer.");
  SkipLog again;
  again.load(state, "trainer.");
  again.add("train", {{"b.jpg", 4, "broken"}});
  CHECK(again.ids() == log.ids());
  again.load(data::State(), "trainer.");
  CHECK(again.count() == 0);
}

TEST_CASE("the first skipped samples are warned of one by one, the others are in the log", "[engine][skip]") {
  const TempDir folder;
  const Quiet quiet;
  log::set_file(folder / "train.log");
  SkipLog skips;
  for (int i = 0; i < 30; ++i) skips.add("train", {{std::to_string(i) + ".jpg", i, "cut short"}});
  for (int i = 0; i < 30; ++i) skips.add("train", {{std::to_string(i) + ".jpg", i, "cut short"}});
  log::set_file("");
  const std::string text = read_file(folder / "train.log");
  for (int i = 0; i < 30; ++i) {
    const std::string line = "train sample " + std::to_string(i) + ".jpg is skipped: cut short";
    const auto first = text.find(line);
    REQUIRE(first != std::string::npos);
    CHECK(text.find(line, first + 1) == std::string::npos);
  }
}

TEST_CASE("by default a sample that cannot be read ends the training and is named", "[engine][skip]") {
  const TempDir folder;
  const auto resolved = tiny_watched();
  CHECK(user_error([&] {
          train_in(folder / "run", resolved, Resume::Never, faulty_tasks({{data::Split::Train, {7}}}));
        }) == "photos/7.jpg: the image is cut short; mend or remove it");
  CHECK(run_info(folder / "run")["state"] == "failed");
}

TEST_CASE("a training without what cannot be read lists it in its result", "[engine][skip]") {
  const TempDir folder;
  std::int64_t seen = 0;
  const auto count = [&seen](engine::Task&, const data::Batch& batch) {
    seen += batch.size();
    for (const auto& id : batch.ids) CHECK((id != "3.jpg" && id != "17.jpg" && id != "18.jpg" && id != "31.jpg"));
  };
  const auto result = train_in(folder / "run", tiny_watched({kSkip}), Resume::Never, faulty_tasks(kSomeFaults, count));
  CHECK(seen == 4 * 36);
  const Json& skipped = result.summary["skipped"];
  std::set<std::string> train;
  for (const auto& id : skipped["train"]) train.insert(id.get<std::string>());
  CHECK(skipped["train"].size() == 4);
  CHECK(train == std::set<std::string>{"3.jpg", "17.jpg", "18.jpg", "31.jpg"});
  CHECK(skipped["val"] == Json{"2.jpg"});
  CHECK(skipped["test"] == Json{"0.jpg", "19.jpg"});
  const Json info = run_info(folder / "run");
  CHECK(info["skipped"] == skipped);
  CHECK(info["result"]["skipped"] == skipped);
  CHECK(read_file(folder / "run" / "train.log").find("7 samples were skipped because they cannot be read") !=
        std::string::npos);
}

TEST_CASE("a training that skips is the same with any workers and after any stop", "[engine][skip]") {
  const TempDir folder;
  const std::string accumulate = "train.accumulate=4";
  train_in(folder / "whole", tiny_watched({kSkip, accumulate}), Resume::Never, faulty_tasks(kSomeFaults));
  train_in(folder / "workers", tiny_watched({kSkip, accumulate, "train.workers=3"}), Resume::Never,
           faulty_tasks(kSomeFaults));
  CHECK(weights_of(folder / "whole") == weights_of(folder / "workers"));
  for (const int stop : {3, 11, 25}) {
    INFO("stopped in micro-batch " << stop);
    const fs::path run = folder / ("stopped" + std::to_string(stop));
    const auto resolved = tiny_watched({kSkip, accumulate});
    const auto stopped = train_in(run, resolved, Resume::Never, faulty_tasks(kSomeFaults, stop_after(stop)));
    REQUIRE(stopped.state == engine::TrainResult::State::Interrupted);
    CHECK(run_info(run).contains("skipped"));
    const auto resumed = train_in(run, resolved, Resume::Must, faulty_tasks(kSomeFaults));
    REQUIRE(resumed.state == engine::TrainResult::State::Finished);
    CHECK(weights_of(run) == weights_of(folder / "whole"));
    CHECK(last_file(run, "state.safetensors") == last_file(folder / "whole", "state.safetensors"));
    CHECK(resumed.summary["skipped"] == run_info(folder / "whole")["result"]["skipped"]);
  }
}

TEST_CASE("without anything to skip, on_error changes no bit", "[engine][skip]") {
  const TempDir folder;
  train_in(folder / "fail", tiny({"train.accumulate=2"}));
  train_in(folder / "skip", tiny({"train.accumulate=2", kSkip}));
  const auto fail = weights::read_safetensors(folder / "fail/checkpoints/last/model.safetensors").tensors;
  const auto skip = weights::read_safetensors(folder / "skip/checkpoints/last/model.safetensors").tensors;
  REQUIRE(fail.size() == skip.size());
  for (std::size_t i = 0; i < fail.size(); ++i) CHECK(fail[i].second.equal(skip[i].second));
}

TEST_CASE("a step of which nothing can be read updates nothing and is counted", "[engine][skip]") {
  // Steps of one sample: a broken sample is a step without any.
  const TempDir folder;
  const std::vector<std::string> single = {kSkip, "train.batch_size=1", "data.train_samples=6", "train.epochs=2"};
  const auto result =
      train_in(folder / "run", tiny_watched(single), Resume::Never, faulty_tasks({{data::Split::Train, {1, 4}}}));
  CHECK(result.summary["steps"] == 12);
  int empty = 0;
  for (const auto& row : json_lines(folder / "run" / "metrics.jsonl")) {
    if (row.contains("step/loss") && row["step/loss"].is_null()) ++empty;
  }
  CHECK(empty >= 2);  // an epoch's last step has no row of its own
}

TEST_CASE("data of which nothing can be read is an error, not an empty training", "[engine][skip]") {
  const TempDir folder;
  std::set<std::int64_t> all;
  for (std::int64_t i = 0; i < 40; ++i) all.insert(i);
  const std::string text = user_error([&] {
    train_in(folder / "run", tiny_watched({kSkip}), Resume::Never, faulty_tasks({{data::Split::Train, all}}));
  });
  CHECK(text.find("none of the 40 train samples can be read; one of them: photos/") == 0);
  CHECK(text.find("the image is cut short") != std::string::npos);
}
