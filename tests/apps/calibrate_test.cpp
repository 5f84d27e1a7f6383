#include <filesystem>

#include "apps/run_mlrun.h"
#include "apps/tiny_run.h"

namespace mlrun::test {
namespace {

namespace fs = std::filesystem;

/// A copy of the tiny run that may be written to.
fs::path copied_run(const TempDir& folder) {
  fs::copy(tiny_run().run, folder / "run", fs::copy_options::recursive | fs::copy_options::copy_symlinks);
  return folder / "run";
}

double metric_of(const Outcome& outcome, const std::string& name) {
  return outcome.json().at("result").at("metrics").at(name).get<double>();
}

TEST_CASE("`calibrate` keeps a temperature in the weights, and all that use them have it", "[apps]") {
  const TempDir folder;
  copied_run(folder);
  const Outcome outcome = mlrun({"calibrate", "run", "--json"}, folder.path());
  INFO(outcome.err);
  REQUIRE(outcome.code == 0);
  const Json result = result_of(outcome, "calibrate", "ok");
  CHECK(result.at("file") == "run/calibrated.safetensors");
  CHECK(result.at("split") == "val");
  CHECK(result.at("samples") == Json{{"total", 20}, {"evaluated", 20}});
  CHECK(result.at("temperature").get<double>() > 0);
  const auto before = [&](const char* name) { return result.at("before").at(name).get<double>(); };
  const auto after = [&](const char* name) { return result.at("after").at(name).get<double>(); };
  CHECK(after("acc1") == before("acc1"));
  CHECK(after("loss") < before("loss"));

  const auto outcomes = run_all(
      {{{"eval", "run", "--weights", "calibrated", "--split", "val", "--json"}, folder.path(), {}},
       {{"eval", "run/calibrated.safetensors", "--split", "val", "--json"}, folder.path(), {}},
       {{"eval", "run", "--split", "val", "--json"}, folder.path(), {}},
       {{"calibrate", "run", "--weights", "calibrated", "-o", "again.safetensors", "--json"}, folder.path(), {}},
       {{"export", "run", "--weights", "calibrated", "-o", "model.torchscript"}, folder.path(), {}},
       {{"calibrate", "run"}, folder.path(), {}}});
  CHECK(outcomes[0].json().at("result").at("weights") == "calibrated");
  CHECK(metric_of(outcomes[0], "loss") == Approx(after("loss")));
  CHECK(metric_of(outcomes[1], "loss") == Approx(after("loss")));
  CHECK(metric_of(outcomes[2], "loss") == Approx(before("loss")));  // the run's own weights are as they were
  CHECK(outcomes[3].json().at("result").at("temperature").get<double>() == Approx(1).epsilon(1e-4));
  CHECK(outcomes[4].code == 0);
  CHECK(refusal(outcomes[5]) ==
        "error: run/calibrated.safetensors: exists already; add --force to replace it, or choose another name\n");
  CHECK(contains(mlrun({"calibrate", "run", "--force"}, folder.path()).out, ", fitted to 20 samples of synthetic val"));
}

TEST_CASE("`calibrate` says what it cannot do", "[apps]") {
  const TempDir folder;
  copied_run(folder);
  CHECK(refusal(mlrun({"eval", "run", "--weights", "calibrated"}, folder.path())) ==
        "error: run: has no calibrated weights; make them: mlrun calibrate run\n");
  CHECK(refusal(mlrun({"calibrate", "run/checkpoints/best/model.safetensors"}, folder.path())) ==
        "error: no output is named; add -o FILE\n");
  CHECK(mlrun({"calibrate", "run", "--split", "all"}, folder.path()).code == 2);
}

}  // namespace
}  // namespace mlrun::test
