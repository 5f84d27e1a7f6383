#include "apps/run_mlrun.h"
#include "apps/tiny_run.h"
#include "base/files.h"

namespace mlrun::test {
namespace {

namespace fs = std::filesystem;

TEST_CASE("`runs` lists what there is, for people and for scripts", "[apps]") {
  const TinyRun& tiny = tiny_run();
  const Outcome outcome = mlrun({"runs", "."}, tiny.folder.path());
  CHECK(outcome.code == 0);
  for (const char* part : {"run ", "state", "best", "age", "host", "./run", "finished", "4/4", "val/acc1 "}) {
    INFO(part << " in " << outcome.out);
    CHECK(contains(outcome.out, part));
  }
  const Json result = result_of(mlrun({"runs", ".", "--json"}, tiny.folder.path()), "runs", "ok");
  REQUIRE(result.size() == 1);
  CHECK(result[0].at("run") == "./run");
  CHECK(result[0].at("state") == "finished");
  CHECK(result[0].at("step") == 32);
  CHECK(result[0].at("best").at("metric") == "val/acc1");
  CHECK(result[0].at("age_s").get<double>() >= 0);
}

TEST_CASE("`runs --size` tells what runs take on the disk", "[apps]") {
  const TinyRun& tiny = tiny_run();
  std::uintmax_t bytes = 0;
  for (const auto& entry : fs::recursive_directory_iterator(tiny.run)) {
    if (entry.is_regular_file() && !entry.is_symlink()) bytes += entry.file_size();
  }
  const Json result = result_of(mlrun({"runs", ".", "--size", "--json"}, tiny.folder.path()), "runs", "ok");
  CHECK(result.at(0).at("bytes") == bytes);
  CHECK(contains(mlrun({"runs", ".", "--size"}, tiny.folder.path()).out, " size\n"));
}

TEST_CASE("`runs` shows a killed run as stale and a live one as running", "[apps]") {
  const TempDir folder;
  folder.write("tiny.yaml", kTinyRecipe);
  Child child({{"train", "tiny.yaml", "train.epochs=10000", "--out", "runs/long"}, folder.path(), {}});
  child.wait_until([&] { return fs::exists(folder / "runs/long/checkpoints/last"); });
  const auto state = [&] {
    return result_of(mlrun({"runs", "--json"}, folder.path()), "runs", "ok").at(0).at("state").get<std::string>();
  };
  CHECK(state() == "running");
  child.signal(SIGKILL);
  CHECK(child.wait().code == 128 + SIGKILL);
  CHECK(state() == "stale");
}

TEST_CASE("`runs` of a folder without runs, and of none", "[apps]") {
  const TempDir folder;
  const Outcome outcome = mlrun({"runs", "."}, folder.path());
  CHECK(outcome.code == 0);
  CHECK(outcome.out == "no runs below .\n");
  CHECK(refusal(mlrun({"runs"}, folder.path())) == "error: runs: does not exist; name a folder that holds runs\n");
}

}  // namespace
}  // namespace mlrun::test
