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

TEST_CASE("`checkpoint prune` leaves the best and the last, and a finished run still works", "[apps]") {
  const TempDir folder;
  folder.write("tiny.yaml", kTinyRecipe);
  REQUIRE(mlrun({"train", "tiny.yaml", "--out", "run", "optimizer={name: adamw, lr: 0.01}", "averaging=ema",
                 "train.checkpoint.keep=4"},
                folder.path())
              .code == 0);
  const auto eval = [&](const char* weights) {
    return mlrun({"eval", "run", "--weights", weights, "--json"}, folder.path()).json().at("result").at("metrics");
  };
  const auto names = [&] {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(folder / "run/checkpoints")) {
      if (!entry.is_symlink()) found.push_back(entry.path().filename().string());
    }
    std::sort(found.begin(), found.end());
    return found;
  };
  const auto before = names();
  REQUIRE(before.size() == 4);
  const std::string best = fs::read_symlink(folder / "run/checkpoints/best").string();
  const Json scores = eval("best"), averaged = eval("ema");
  const std::vector<std::string> prune = {"checkpoint", "prune", "run", "--drop-optimizer", "--json"};
  auto dry = prune;
  dry.push_back("--dry-run");
  const Json told = result_of(mlrun(dry, folder.path()), "checkpoint prune", "ok");
  CHECK(names() == before);
  const Json done = result_of(mlrun(prune, folder.path()), "checkpoint prune", "ok");
  CHECK(told.at("checkpoints").size() == 4);
  for (std::size_t i = 0; i < 4; ++i) {
    const Json &plan = told.at("checkpoints")[i], &entry = done.at("checkpoints")[i];
    CHECK(plan.at("why") == entry.at("why"));
    CHECK(entry.at("kept") == (entry.at("checkpoint") == best || entry.at("checkpoint") == "step-00000032"));
    if (entry.at("kept") == true) CHECK(entry.at("bytes_after").get<int>() < entry.at("bytes").get<int>());
    else CHECK(entry.at("bytes_after") == 0);
  }
  std::vector<std::string> kept = {best, "step-00000032"};
  kept.erase(std::unique(kept.begin(), kept.end()), kept.end());
  CHECK(names() == kept);
  CHECK(eval("best") == scores);
  CHECK(eval("ema") == averaged);
  CHECK(mlrun({"checkpoint", "verify", "run"}, folder.path()).code == 0);
  CHECK(contains(mlrun({"train", "--out", "run", "--resume", "auto"}, folder.path()).out, "already finished"));
  CHECK(contains(mlrun({"checkpoint", "prune", "run", "--drop-optimizer"}, folder.path()).out, "\n0 B freed\n"));
}

TEST_CASE("`checkpoint prune` keeps what an unfinished run needs", "[apps]") {
  const TempDir folder;
  folder.write("tiny.yaml", kTinyRecipe);
  Child child({{"train", "tiny.yaml", "train.epochs=10000", "--out", "run"}, folder.path(), {}});
  child.wait_until([&] { return fs::exists(folder / "run/checkpoints/best"); });
  CHECK(refusal(mlrun({"checkpoint", "prune", "run"}, folder.path())) ==
        "error: run: another mlrun is writing this run; prune it once that has ended\n");
  child.signal(SIGTERM);
  CHECK(child.wait().code == 75);
  CHECK(refusal(mlrun({"checkpoint", "prune", "run", "--drop-optimizer"}, folder.path())) ==
        "error: run: is not finished, and needs the state of its optimizers to go on; finish it with --resume auto, or "
        "leave out --drop-optimizer\n");
  CHECK(mlrun({"checkpoint", "prune", "run", "--keep", "1"}, folder.path()).code == 0);
  CHECK(mlrun({"train", "--out", "run", "--resume", "must", "train.max_time=0.001 s"}, folder.path()).code == 75);
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
