#include "engine/train/memory_format.h"

#include <csignal>

#include <torch/types.h>

#include "engine/run/checkpoint.h"
#include "engine/train/training.h"

using namespace mlrun;
using namespace mlrun::test;
using engine::Resume;

namespace {

constexpr auto kContiguous = torch::MemoryFormat::Contiguous;

Json info_of(const std::filesystem::path& run) { return Json::parse(read_file(run / "run.json")); }

const std::vector<std::string> kAuto = {"train.memory_format=auto", "data.channels=3"};

}  // namespace

TEST_CASE("the faster format is kept, the first round counts for nothing", "[engine]") {
  int calls = 0;
  const auto steps = [&](double contiguous, double channels_last) {
    calls = 0;
    return engine::faster_memory_format([&, contiguous, channels_last](torch::MemoryFormat format) {
      const bool first = ++calls <= 2;
      if (format == kContiguous) return first ? 0.001 : contiguous + calls;
      return first ? 90.0 : channels_last + calls;
    });
  };
  const Json slow = steps(10, 30), fast = steps(30, 10);
  CHECK(calls == 8);
  CHECK(slow["memory_format"] == "contiguous");
  CHECK(slow["seconds_per_step"]["contiguous"] == 13.0);
  CHECK(slow["seconds_per_step"]["channels_last"] == 34.0);
  CHECK(fast["memory_format"] == "channels_last");
  CHECK(engine::faster_memory_format([](torch::MemoryFormat) { return 1.0; })["memory_format"] == "contiguous");
}

TEST_CASE("timing leaves a training as it is with the format that was chosen", "[engine]") {
  const TempDir folder;
  train_in(folder / "auto", tiny(kAuto));
  const Json info = info_of(folder / "auto");
  const std::string chosen = info["choices"]["memory_format"];
  CHECK((chosen == "contiguous" || chosen == "channels_last"));
  CHECK(info["choices"]["seconds_per_step"]["contiguous"].get<double>() > 0);
  CHECK(info["choices"]["seconds_per_step"]["channels_last"].get<double>() > 0);
  CHECK(read_file(folder / "auto" / "train.log").find("memory format: " + chosen) != std::string::npos);
  CHECK(Json::parse(last_file(folder / "auto", "state.json")).dump().find("\"trainer.memory_format\":\"" + chosen) !=
        std::string::npos);
  train_in(folder / "said", tiny({"train.memory_format=" + chosen, "data.channels=3"}));
  CHECK(info_of(folder / "said")["choices"].empty());
  const auto a = engine::read_checkpoint(folder / "auto" / "checkpoints" / "last"),
             b = engine::read_checkpoint(folder / "said" / "checkpoints" / "last");
  REQUIRE(a.weights.size() == b.weights.size());
  for (std::size_t i = 0; i < a.weights.size(); ++i) CHECK(a.weights[i].second.equal(b.weights[i].second));
}

TEST_CASE("a resumed training keeps the format it began with", "[engine]") {
  const TempDir folder;
  const auto resolved = tiny_watched(kAuto);
  const auto stop = [calls = std::make_shared<int>(0)](engine::Task&, const data::Batch&) {
    if (++*calls == 12) std::raise(SIGTERM);  // eight rehearsals come first
  };
  train_in(folder / "run", resolved, Resume::Never, watched_tasks(stop));
  const Json before = info_of(folder / "run");
  REQUIRE(before["state"] == "interrupted");
  int calls = 0;
  const auto count = [&calls](engine::Task&, const data::Batch&) { ++calls; };
  train_in(folder / "run", resolved, Resume::Must, watched_tasks(count));
  CHECK(info_of(folder / "run")["choices"] == before["choices"]);
  CHECK(calls == 12 - 4);  // the steps that were left, and no rehearsal
}

TEST_CASE("a recorded choice sets the context, and a format that is said leaves nothing to choose", "[engine]") {
  const auto resolved = tiny(kAuto);
  const auto task = recipes::tasks().make(resolved.recipe.task.kind, engine::TaskRequest{resolved.recipe, {}});
  engine::Context context;
  const Json recorded = {{"memory_format", "channels_last"}};
  CHECK(engine::choose_memory_format(*task, resolved.recipe, context, recorded) == recorded);
  CHECK(context.memory_format == torch::MemoryFormat::ChannelsLast);
  const auto said = tiny({"train.memory_format=contiguous"});
  engine::Context other;
  CHECK(engine::choose_memory_format(*task, said.recipe, other, recorded).empty());
  CHECK(other.memory_format == kContiguous);
}
