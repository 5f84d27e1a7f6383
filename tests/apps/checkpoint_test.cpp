#include "apps/run_mlrun.h"
#include "apps/tiny_run.h"
#include "base/files.h"

namespace mlrun::test {
namespace {

namespace fs = std::filesystem;

TEST_CASE("`checkpoint verify` says which checkpoints are intact", "[apps]") {
  const TinyRun& tiny = tiny_run();
  const TempDir folder;
  fs::copy(tiny.run, folder / "run", fs::copy_options::recursive | fs::copy_options::copy_symlinks);
  const Json sound = result_of(mlrun({"checkpoint", "verify", folder / "run", "--json"}), "checkpoint verify", "ok");
  REQUIRE(sound.size() >= 2);
  for (const auto& entry : sound) {
    CHECK(entry.at("state") == "intact");
    CHECK(entry.at("bytes").get<std::int64_t>() > 1000);
  }
  CHECK(mlrun({"checkpoint", "verify", folder / "run/checkpoints/last"}).code == 0);

  const fs::path file = folder / "run/checkpoints/step-00000032/model.safetensors";
  std::string bytes = read_file(file);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  write_file(file, bytes);
  const Outcome outcome = mlrun({"checkpoint", "verify", folder / "run"});
  CHECK(outcome.code == 2);
  CHECK(contains(outcome.out, "damaged"));
  CHECK(contains(outcome.out, "intact"));
  CHECK(contains(outcome.err,
                 "step-00000032/model.safetensors: is damaged: its checksum is not the one in its "
                 "manifest; resume from an earlier checkpoint or train again"));
  const fs::path manifest = fs::path(sound.front().at("checkpoint").get<std::string>()) / "manifest.json";
  Json later = Json::parse(read_file(manifest));
  later["schema"] = 2;
  write_file(manifest, later.dump());
  fs::rename(folder / "run/checkpoints/step-00000032", folder / "run/checkpoints/step-00000099");
  const Json result =
      result_of(mlrun({"checkpoint", "verify", folder / "run", "--json"}), "checkpoint verify", "error");
  CHECK(result.front().at("state") == "newer");
  CHECK_THAT(result.front().at("error").get<std::string>(),
             Catch::Matchers::ContainsSubstring("manifest.json: was written with schema 2, and this mlrun ("));
  CHECK(result.back().at("state") == "damaged");
  CHECK(result.back().at("error") == (folder / "run/checkpoints/step-00000099/manifest.json").string() +
                                         ": is of step 32, and its folder was renamed to step 99");
}

TEST_CASE("`checkpoint verify` of what is no run", "[apps]") {
  const TempDir folder;
  CHECK(contains(refusal(mlrun({"checkpoint", "verify", "none"}, folder.path())), "none: does not exist"));
  CHECK(contains(refusal(mlrun({"checkpoint", "verify", "."}, folder.path())), "is no run: it has no run.json"));
}

TEST_CASE("a time budget ends `train` with 75, and the same line goes on", "[apps]") {
  const TempDir folder;
  folder.write("tiny.yaml", kTinyRecipe);
  const std::vector<std::string> line = {"train", "tiny.yaml", "--out", "run", "--resume", "auto"};
  auto budgeted = line;
  budgeted.push_back("train.max_time=0.001 s");
  const Outcome stopped = mlrun(budgeted, folder.path());
  CHECK(stopped.code == 75);
  CHECK(contains(stopped.out, "stopped by train.max_time with its state saved in run"));
  const Outcome finished = mlrun(line, folder.path());
  CHECK(finished.code == 0);
  CHECK(read_file(folder / "run/checkpoints/last/model.safetensors") ==
        read_file(tiny_run().run / "checkpoints/last/model.safetensors"));
}

}  // namespace
}  // namespace mlrun::test
