#include "apps/run_mlrun.h"
#include "apps/tiny_run.h"

namespace mlrun::test {
namespace {

namespace fs = std::filesystem;

TEST_CASE("a TorchScript file carries its recipe", "[apps]") {
  const TempDir folder;
  REQUIRE(mlrun({"export", tiny_run().run, "-o", "model.torchscript"}, folder.path()).code == 0);
  const auto outcomes =
      run_all({{{"eval", "model.torchscript", "--json"}, folder.path(), {}},
               {{"eval", tiny_run().run, "--json"}, folder.path(), {}},
               {{"inspect", "model.torchscript", "--json"}, folder.path(), {}},
               {{"export", "model.torchscript", "-o", "again.safetensors"}, folder.path(), {}},
               {{"export", tiny_run().run, "-o", "frozen.torchscript", "--frozen"}, folder.path(), {}}});
  const Json result = result_of(outcomes[0], "eval", "ok");
  CHECK(result.at("weights") == "model.torchscript");
  CHECK(result.at("metrics") == result_of(outcomes[1], "eval", "ok").at("metrics"));
  CHECK(contains(result_of(outcomes[2], "inspect", "ok").at("metadata").at("recipe").get<std::string>(), "small_cnn"));
  CHECK(result_of(mlrun({"eval", "again.safetensors", "--json"}, folder.path()), "eval", "ok").at("metrics") ==
        result.at("metrics"));
  CHECK(outcomes[4].code == 0);
  CHECK(mlrun({"eval", "frozen.torchscript"}, folder.path()).code == 2);  // no weights that could be read
}

TEST_CASE("where data have moved, the command that names their new place is told", "[apps]") {
  const TempDir folder;
  for (int i = 0; i < 12; ++i) {
    const std::string name = "photos/" + std::string(i % 2 == 0 ? "cat/" : "dog/") + std::to_string(i) + ".ppm";
    fs::create_directories((folder / name).parent_path());
    folder.write(name, ppm(8, 8, static_cast<unsigned>(i + 1)));
  }
  folder.write("photos.yaml", R"(task: classification
model: {name: small_cnn, width: 2}
data:
  root: photos
  format: image_folder
  split: {train: 0.5, val: 0.5}
  augment: [normalize]
  preprocess: [normalize]
train: {epochs: 1, batch_size: 6, device: cpu, threads: 1, workers: 0}
)");
  REQUIRE(mlrun({"train", "photos.yaml", "--out", "run"}, folder.path()).code == 0);
  fs::rename(folder / "photos", folder / "elsewhere");
  const std::string hint = "; if they have moved, say where to: mlrun eval run data.root=FOLDER\n";
  const std::string moved = refusal(mlrun({"eval", "run", "--quiet"}, folder.path()));
  CHECK(moved.rfind("error: run/recipe.yaml:", 0) == 0);
  CHECK(contains(moved, " data.root: there is no folder '" + (folder / "photos").string() + "'" + hint));
  CHECK(mlrun({"eval", "run", "data.root=elsewhere"}, folder.path()).code == 0);
  const Outcome file = mlrun({"eval", "run/checkpoints/best/model.safetensors", "--quiet"}, folder.path());
  CHECK(contains(refusal(file), "data.root: is not set; say where the data lie: mlrun eval "));
}

}  // namespace
}  // namespace mlrun::test
