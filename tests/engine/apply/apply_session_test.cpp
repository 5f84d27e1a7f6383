#include "engine/apply/apply_session.h"

#include "engine/apply/predict_session.h"

#include <map>

#include <torch/types.h>

#include "engine/run/checkpoint.h"
#include "engine/train/training.h"
#include "weights/safetensors.h"

using namespace mlrun;
using namespace mlrun::test;
using engine::choose_weights;

namespace fs = std::filesystem;

namespace {

/// A finished run, made once for all tests of this file.
const fs::path& trained_run() {
  static const TempDir folder;
  static const fs::path run = [] {
    train_in(folder / "run", tiny({"train.epochs=6", "train.checkpoint.keep=9", "model.dropout=0"}));
    return folder / "run";
  }();
  return run;
}

config::Resolved recipe_of_run(const std::vector<std::string>& overrides = {}) {
  config::LayerRequest request{trained_run() / "recipe.yaml", {}};
  for (const auto& override : overrides) request.overrides.push_back(config::parse_override(override));
  return config::resolve(request, recipes::catalogue());
}

engine::Loaded load_run(const config::Resolved& resolved, const std::string& choice = "") {
  return engine::load(recipes::tasks(), resolved, choose_weights(trained_run(), choice));
}

engine::EvalResult evaluate_run(const config::Resolved& resolved, engine::EvalRequest request = {}) {
  const Quiet quiet;
  request.progress = false;
  auto loaded = load_run(resolved);
  return engine::evaluate_loaded(loaded, resolved, request);
}

/// A grey image of 8 x 8 pixels as a binary PPM.
std::string ppm(int shade) { return "P6\n8 8\n255\n" + std::string(8 * 8 * 3, static_cast<char>(shade)); }

}  // namespace

TEST_CASE("weights of a run are chosen by name", "[engine]") {
  const fs::path checkpoints = trained_run() / "checkpoints";
  CHECK(choose_weights(trained_run(), "").name == "best");
  CHECK(choose_weights(trained_run(), "last").file == checkpoints / "last" / "model.safetensors");
  CHECK(choose_weights(trained_run(), "step-00000006").name == "step-00000006");
  const fs::path file = checkpoints / "step-00000003" / "model.safetensors";
  CHECK(choose_weights(trained_run(), file.string()).file == file);
  const std::string error = user_error([] { choose_weights(trained_run(), "step-7"); });
  CHECK(error.find("has no weights 'step-7'; choose best, last, a file or one of: step-00000003 step-00000006") !=
        std::string::npos);
  const TempDir empty;
  CHECK(user_error([&] { choose_weights(empty.path(), ""); }).find("has no checkpoint yet") != std::string::npos);
}

TEST_CASE("an average is chosen by the name of what the training made", "[engine]") {
  const TempDir folder;
  const std::map<std::string, std::string> names = {{"swa", "swa"}, {"swag", "swa"}, {"ema", "ema"}};
  for (const auto& [method, name] : names) {
    const fs::path run = folder / method;
    train_in(run, tiny({"train.epochs=2", "averaging={name: " + method + ", start: 1 steps, every: 1 steps}"}));
    const auto chosen = choose_weights(run, name);
    CHECK(chosen.name == name);
    CHECK(chosen.file.filename() == "averaged.safetensors");
    const std::string other = name == "ema" ? "swa" : "ema";
    CHECK(user_error([&] { choose_weights(run, other); }) == run.string() + ": has no " + other +
                                                                 " weights: its training averaged by " + name +
                                                                 "; choose --weights " + name);
  }
  for (const char* name : {"swa", "ema"}) {
    CHECK(user_error([&] { choose_weights(trained_run(), name); }) ==
          trained_run().string() + ": has no averaged weights; train with `averaging`, or choose best or last");
  }
}

TEST_CASE("an evaluation of a run repeats what its training measured", "[engine]") {
  const Json result = Json::parse(read_file(trained_run() / "run.json"))["result"];
  const auto test = evaluate_run(recipe_of_run());
  CHECK(test.evaluation.split == data::Split::Test);
  CHECK(test.evaluation.find("acc1")->value == result["metrics"]["test/acc1"].get<double>());
  CHECK(test.evaluation.find("loss")->value == Approx(result["metrics"]["test/loss"].get<double>()).epsilon(1e-12));
  engine::EvalRequest val;
  val.split = data::Split::Val;
  CHECK(evaluate_run(recipe_of_run(), val).evaluation.find("acc1")->value == result["best"]["value"].get<double>());
}

TEST_CASE("a run without a test split is evaluated on its validation split", "[engine]") {
  CHECK(evaluate_run(recipe_of_run({"data.test_samples=0"})).evaluation.split == data::Split::Val);
}

TEST_CASE("expectations know the data and weights that were evaluated", "[engine]") {
  const std::string fingerprint = Json::parse(read_file(trained_run() / "run.json"))["data"]["fingerprint"];
  const std::string expect =
      "expect=[{metric: test/acc1, value: 0, direction: at_least, when: {data: " + fingerprint + ", weights: best}}]";
  CHECK(evaluate_run(recipe_of_run({expect})).verdicts.at(0).outcome == engine::Outcome::Met);
  const auto other = evaluate_run(recipe_of_run({expect, "data.noise=0.5"})).verdicts.at(0);
  CHECK(other.outcome == engine::Outcome::NotComparable);
}

TEST_CASE("outputs are dumped in split order", "[engine]") {
  const TempDir folder;
  engine::EvalRequest request;
  request.dump_outputs = folder / "outputs.safetensors";
  const auto result = evaluate_run(recipe_of_run(), request);
  const auto dump = weights::read_safetensors(request.dump_outputs);
  REQUIRE(dump.tensors.size() == 3);
  CHECK(dump.tensors[0].first == "outputs");
  CHECK(dump.tensors[0].second.sizes() == torch::IntArrayRef({20, 4}));
  CHECK(dump.tensors[2].second.equal(torch::arange(20)));
  CHECK(Json::parse(dump.metadata.at("sample_ids")).size() == 20);
  const double correct =
      dump.tensors[0].second.argmax(1).eq(dump.tensors[1].second).to(torch::kDouble).mean().item<double>();
  CHECK(correct * 100 == Approx(result.evaluation.find("acc1")->value));
}

TEST_CASE("data with classes that the model does not know, or other channels, are refused", "[engine]") {
  CHECK(user_error([] { evaluate_run(recipe_of_run({"data.num_classes=6"})); })
            .find("has other classes than the data this model was trained on: '4', '5' are not among '0', '1', '2', "
                  "'3'; leave them out, or name them as in training") != std::string::npos);
  CHECK(user_error([] {
          evaluate_run(recipe_of_run({"data.channels=3"}));
        }).find("has images of 3 channels where this model was trained on 1") != std::string::npos);
}

TEST_CASE("data that lack some of a run's classes are evaluated by the classes' names", "[engine]") {
  const auto result = evaluate_run(recipe_of_run({"data.num_classes=2"}));
  CHECK(result.evaluation.evaluated == 20);
  const Json& rows = result.evaluation.details["per_class"];
  REQUIRE(rows.size() == 4);
  CHECK(rows[0]["total"] == 10);
  CHECK(rows[1]["total"] == 10);
  for (const std::size_t absent : {2, 3}) {
    CHECK(rows[absent]["total"] == 0);
    CHECK(rows[absent]["acc1"].is_null());
  }
}

TEST_CASE("weights that are not finite are refused wherever they are put to use", "[engine]") {
  const TempDir folder;
  auto read = weights::read_safetensors(trained_run() / "checkpoints" / "best" / "model.safetensors");
  read.tensors.back().second = torch::full_like(read.tensors.back().second, NAN);
  const fs::path ours = folder / "ours.safetensors", foreign = folder / "foreign.safetensors";
  weights::write_safetensors(ours, read.tensors, read.metadata);
  weights::write_safetensors(foreign, read.tensors);
  for (const auto& file : {ours, foreign}) {
    CHECK(user_error([&] {
            engine::load(recipes::tasks(), recipe_of_run(), {"x", file});
          }) ==
          file.string() + ": " + read.tensors.back().first +
              ": holds numbers that are not finite; such weights are spoilt: take those of an earlier checkpoint, or "
              "another file");
  }
}

TEST_CASE("damaged weights and another architecture's are refused", "[engine]") {
  const TempDir folder;
  const fs::path copy = folder / "step-00000003";
  fs::copy(trained_run() / "checkpoints" / "step-00000003", copy);
  const fs::path file = copy / "model.safetensors";
  const auto resolved = recipe_of_run();
  CHECK_NOTHROW(engine::load(recipes::tasks(), resolved, {"x", file}));
  CHECK(user_error([&] {
          engine::load(recipes::tasks(), recipe_of_run({"model.width=8"}), {"x", file});
        }).find(file.string()) != std::string::npos);
  fs::resize_file(file, fs::file_size(file) - 1);
  CHECK(user_error([&] {
          engine::load(recipes::tasks(), resolved, {"x", file});
        }).find("is damaged") != std::string::npos);
}

#ifdef MLRUN_WITH_OPENCV
namespace {

engine::Predictions predict(engine::Loaded& loaded, const std::vector<fs::path>& files,
                            const std::function<void(std::int64_t)>& progress = {}) {
  engine::PredictRequest request;
  for (const auto& file : files) request.files.push_back({file, file.stem()});
  request.options.topk = 2;
  request.progress = progress;
  return engine::predict_files(loaded, request);
}

}  // namespace

TEST_CASE("files that cannot be read are named and the others are predicted, in order", "[engine]") {
  const TempDir folder;
  std::vector<fs::path> files;
  for (int i = 0; i < 6; ++i) files.push_back(folder.write("image-" + std::to_string(i) + ".ppm", ppm(40 * i)));
  write_file(files[1], "no image at all");
  write_file(files[3], "");
  files.push_back(folder / "missing.ppm");
  for (const char* workers : {"0", "3"}) {
    const auto resolved = recipe_of_run({std::string("train.workers=") + workers});
    auto loaded = load_run(resolved, "last");
    std::vector<std::int64_t> progress;
    const auto result = predict(loaded, files, [&](std::int64_t done) { progress.push_back(done); });
    REQUIRE(result.done.size() == 4);
    for (std::size_t i = 0; i < 4; ++i) {
      CHECK(result.done[i].file == files[std::vector<std::size_t>{0, 2, 4, 5}[i]].string());
      REQUIRE(result.done[i].answer.json.size() == 2);
      CHECK(result.done[i].answer.json[0]["probability"] >= result.done[i].answer.json[1]["probability"]);
    }
    REQUIRE(result.failed.size() == 3);
    CHECK(result.failed[0].file == files[1].string());
    CHECK(result.failed[1].file == files[3].string());
    CHECK(result.failed[2].text().find("missing.ppm") != std::string::npos);
    CHECK(progress == std::vector<std::int64_t>{1, 2, 3, 4, 5, 6, 7});
  }
  auto loaded = load_run(recipe_of_run());
  CHECK(predict(loaded, {}).done.empty());
}

TEST_CASE("files that the model cannot take, or whose names are no text, are named and the others predicted",
          "[engine]") {
  const TempDir folder;
  const std::vector<fs::path> files = {folder.write("small.ppm", "P6\n1 1\n255\nabc"), folder.write("\xE9.ppm", ppm(9)),
                                       folder.write("good.ppm", ppm(9))};
  auto loaded = load_run(recipe_of_run());
  const auto result = predict(loaded, files);
  REQUIRE(result.done.size() == 1);
  CHECK(result.done[0].file == files[2].string());
  REQUIRE(result.failed.size() == 2);
  CHECK(result.failed[0].text().find(files[0].string() +
                                     ": the images are too small for this model: 1x1 pixels are left "
                                     "of them at ") == 0);
  CHECK(result.failed[1].message == "the name is not UTF-8 text");
}
#endif
