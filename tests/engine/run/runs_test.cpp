#include "engine/run/runs.h"

#include <torch/types.h>

#include "engine/train/training.h"

using namespace mlrun;
using namespace mlrun::test;
using engine::find_runs;
using engine::RunDirectory;

namespace fs = std::filesystem;

namespace {

void begin_run_with(const fs::path& path, const char* state) {
  const auto resolved = tiny();
  RunDirectory run = RunDirectory::claim(path, resolved, engine::Resume::Never);
  run.update({{"state", state}, {"recipe", resolved.values}, {"updated", "2020-01-01T00:00:00Z"}, {"host", "node7"}});
}

}  // namespace

TEST_CASE("runs are found with what they reached", "[engine]") {
  const TempDir folder;
  const auto result = train_in(folder / "sweep/lr-1", tiny());
  begin_run_with(folder / "other", "interrupted");
  folder.write("notes/readme.txt", "no run");
  const auto runs = find_runs(folder.path());
  REQUIRE(runs.size() == 2);
  CHECK(runs[0].path == folder / "other");
  CHECK(runs[0].state == "interrupted");
  CHECK(runs[0].host == "node7");
  CHECK(*runs[0].age > 100'000'000);
  CHECK_FALSE(runs[0].best);
  CHECK(runs[1].path == folder / "sweep/lr-1");
  CHECK(runs[1].state == "finished");
  CHECK(runs[1].epoch == 4);
  CHECK(runs[1].epochs == 4);
  CHECK(runs[1].step == 12);
  REQUIRE(runs[1].best);
  CHECK(runs[1].best->figure.name == "val/acc1");
  CHECK(runs[1].best->figure.value == result.summary["best"]["value"].get<double>());
  CHECK(*runs[1].age < 600);
  CHECK(runs[1].host == engine::host_name());
  CHECK(find_runs(folder / "other").size() == 1);
}

TEST_CASE("a run that says running is stale unless a process holds it", "[engine]") {
  const TempDir folder;
  begin_run_with(folder / "run", "running");
  CHECK(find_runs(folder.path()).front().state == "stale");
  const auto resolved = tiny();
  {
    const RunDirectory held = RunDirectory::claim(folder / "run", resolved, engine::Resume::Auto);
    CHECK(find_runs(folder.path()).front().state == "running");
    CHECK(engine::is_being_written(folder / "run"));
  }
  CHECK(find_runs(folder.path()).front().state == "stale");
}

TEST_CASE("odd run.json files are listed, not feared", "[engine]") {
  const TempDir folder;
  folder.write("a/run.json", "{\"state\": 3, \"best\": {\"metric\": 5, \"value\": 1}, \"updated\": \"soon\"}");
  folder.write("b/run.json", "[1, 2");
  folder.write("c/run.json", "{\"state\": \"finished\", \"updated\": \"2999-01-01T00:00:00Z\"}");
  folder.write("d/run.json", "{\"schema\": 9, \"state\": \"finished\"}");
  const auto runs = find_runs(folder.path());
  REQUIRE(runs.size() == 4);
  CHECK(runs[3].state == "newer");
  CHECK_THAT(runs[3].error, Catch::Matchers::StartsWith("was written with schema 9, and this mlrun ("));
  CHECK(runs[0].state == "damaged");
  CHECK_FALSE(runs[0].age);
  CHECK(runs[1].state == "damaged");
  CHECK(*runs[2].age == 0);  // a clock that jumped
  CHECK(user_error([&] { find_runs(folder / "none"); }) ==
        (folder / "none").string() + ": does not exist; name a folder that holds runs");
  CHECK(user_error([&] { find_runs(folder / "a/run.json"); }).find("is not a folder") != std::string::npos);
}
