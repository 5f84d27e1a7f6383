#include "apps/run_mlrun.h"
#include "base/files.h"

/// What earlier mlruns left: tests/fixtures/engine/schema_N (scripts/fixtures/run).
namespace mlrun::test {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> old_folders() {
  std::vector<fs::path> folders;
  for (const auto& entry : fs::directory_iterator(fixture("engine"))) {
    if (entry.path().filename().string().rfind("schema_", 0) == 0) folders.push_back(entry.path());
  }
  REQUIRE_FALSE(folders.empty());
  return folders;
}

/// Other processors round otherwise.
void check_figures(const Json& found, const Json& expected) {
  REQUIRE(expected.size() > 3);
  for (const auto& [name, value] : expected.items()) {
    INFO(name);
    const bool counted = name.find("acc") != std::string::npos;
    CHECK(found.at(name).get<double>() == Approx(value.get<double>()).margin(counted ? 5.01 : 0.5));
    if (name.find("loss") != std::string::npos)
      CHECK(found.at(name).get<double>() == Approx(value.get<double>()).epsilon(2e-3));
  }
}

TEST_CASE("Runs, files and sweeps of every earlier mlrun are read", "[apps][old]") {
  for (const auto& old : old_folders()) {
    INFO(old.string());
    const TempDir folder;
    fs::copy(old, folder / "old", fs::copy_options::recursive | fs::copy_options::copy_symlinks);
    const Json expected = Json::parse(read_file(old / "expected.json"));
    const auto line = [&](std::vector<std::string> words) {
      words.emplace_back("--json");
      return Invocation{std::move(words), folder / "old", {}};
    };
    const auto outcomes =
        run_all({line({"eval", "finished"}), line({"eval", "finished", "--weights", "int8.safetensors"}),
                 line({"eval", "finished", "--weights", "average.safetensors"}),
                 line({"predict", "finished", "image.ppm"}), line({"checkpoint", "verify", "finished"}),
                 line({"train", "--out", "interrupted", "--resume", "must", "train.max_time=null"}),
                 line({"sweep", "status", "sweep"})});
    check_figures(result_of(outcomes[0], "eval", "ok").at("metrics"), expected.at("eval"));
    check_figures(result_of(outcomes[1], "eval", "ok").at("metrics"), expected.at("int8"));
    check_figures(result_of(outcomes[2], "eval", "ok").at("metrics"), expected.at("average"));
    const Json predictions = result_of(outcomes[3], "predict", "ok").at("files").at(0).at("predictions");
    REQUIRE(predictions.size() == expected.at("predict").size());
    for (std::size_t i = 0; i < predictions.size(); ++i) {
      CHECK(predictions[i].at("class") == expected.at("predict")[i].at("class"));
      CHECK(predictions[i].at("probability").get<double>() ==
            Approx(expected.at("predict")[i].at("probability").get<double>()).margin(1e-3));
    }
    for (const auto& checkpoint : result_of(outcomes[4], "checkpoint verify", "ok")) {
      CHECK(checkpoint.at("state") == "intact");
    }
    const Json resumed = result_of(outcomes[5], "train", "ok");
    CHECK(resumed.at("steps") == 16);
    check_figures(resumed.at("metrics"), expected.at("resumed"));
    CHECK(contains(outcomes[5].err, "resuming at step 6"));
    CHECK(result_of(outcomes[6], "sweep status", "ok").size() == 2);

    const Outcome again = run(line({"train", "--out", "finished", "--resume", "must"}));
    CHECK(result_of(again, "train", "ok").at("steps") == 48);
    const Json runs = result_of(run(line({"runs", "."})), "runs", "ok");
    REQUIRE(runs.size() == 2);
    for (const auto& entry : runs) CHECK(entry.at("state") == "finished");
  }
}

}  // namespace
}  // namespace mlrun::test
