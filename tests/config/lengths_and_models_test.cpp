// Options that stand in place of each other (train.epochs and train.length), and maps by names that users choose
// (optimizer.models, schedule.models).

#include "config/bind.h"
#include "fake_catalogue.h"
#include "support.h"

namespace mlrun::config {
namespace {

using test::TempDir;
using test::user_error;

const std::string kWhole = "task: classification\nmodel: resnet18\ndata: {root: photos, format: idx}\n";

struct LengthFiles {
  TempDir folder;

  Resolved resolved(const std::string& text, const std::vector<std::string>& overrides = {}) const {
    LayerRequest request{folder.write("recipe.yaml", text), {}};
    for (const auto& set : overrides) request.overrides.push_back(parse_override(set));
    return resolve(request, test::fake_catalogue());
  }
  std::string problem(const std::string& text, const std::vector<std::string>& overrides = {}) const {
    const std::string error = user_error([&] { resolved(text, overrides); });
    const std::string place = (folder / "recipe.yaml").string() + ":";
    return error.rfind(place, 0) == 0 ? error.substr(place.size()) : error;
  }
};

double lr_of_method(const Component& method) {
  return method.name == "adam" ? method.as<test::AdamOptions>().lr : method.as<test::SgdOptions>().lr;
}

}  // namespace

TEST_CASE("a length in steps stands in place of epochs, and the newer layer's is meant", "[config]") {
  const LengthFiles files;
  const auto steps = files.resolved(kWhole + "train: {length: 500 steps}\n");
  CHECK_FALSE(steps.recipe.train.epochs);
  REQUIRE(steps.recipe.train.length);
  CHECK(steps.recipe.train.length->text() == "500 steps");
  CHECK(steps.values["train"]["epochs"].is_null());

  files.folder.write("base.yaml", kWhole + "train: {epochs: 3, seed: 5}\n");
  const auto over = files.resolved("extends: base.yaml\ntrain: {length: 2.5 epochs}\n");
  CHECK_FALSE(over.recipe.train.epochs);
  CHECK(over.recipe.train.seed == 5);
  CHECK(over.notes == std::vector<std::string>{"train.epochs of " + (files.folder / "base.yaml").string() +
                                               ":4:9 is discarded: train.length of " +
                                               (files.folder / "recipe.yaml").string() + ":2:17 stands in its place"});
  const auto back = files.resolved("extends: base.yaml\ntrain: {length: 500 steps}\n", {"train.epochs=7"});
  CHECK(back.recipe.train.epochs == 7);
  CHECK_FALSE(back.recipe.train.length);
  const auto removed = files.resolved("extends: base.yaml\ntrain: {length: 500 steps}\n", {"train.length=null"});
  CHECK(removed.recipe.train.epochs == 10);
}

TEST_CASE("a recorded length is read back as it was", "[config]") {
  const LengthFiles files;
  for (const char* train : {"train: {length: 500 steps}\n", "train: {epochs: 4}\n"}) {
    const auto first = files.resolved(kWhole + train);
    CHECK(files.resolved(to_yaml(first.values)).values == first.values);
  }
}

TEST_CASE("lengths that are none are refused", "[config]") {
  const LengthFiles files;
  CHECK(files.problem(kWhole + "train: {epochs: 3, length: 500 steps}\n") ==
        "4:28: train.length: stands in place of train.epochs, which is given too; keep one");
  CHECK(files.problem(kWhole, {"train.epochs=3", "train.length=500 steps"}) ==
        "command line: train.length: stands in place of train.epochs, which is given too; keep one");
  CHECK(files.problem(kWhole + "train: {length: 3 h}\n") ==
        "4:17: train.length: must be in steps or epochs, as `20000 steps`");
  CHECK(files.problem(kWhole + "train: {length: 20 %}\n") ==
        "4:17: train.length: must be in steps or epochs, as `20000 steps`");
  CHECK(files.problem(kWhole + "train: {length: 0 steps}\n") == "4:17: train.length: must be above 0");
  CHECK(files.problem(kWhole + "train: {length: 1.5 steps}\n") ==
        "4:17: train.length: must be a whole number of steps");
  CHECK(files.problem(kWhole + "train: {length: 500}\n").find("4:17: train.length: expected a length") == 0);
}

TEST_CASE("a model's optimizer takes from the section what it does not say", "[config]") {
  const LengthFiles files;
  const auto resolved =
      files.resolved(kWhole +
                     "optimizer:\n"
                     "  name: adam\n"
                     "  lr: 2e-4\n"
                     "  betas: [0.5, 0.9]\n"
                     "  models: {critic: {lr: 4e-4}, judge: {name: sgd, momentum: 0.9}, other: sgd}\n");
  const auto& models = resolved.recipe.optimizer.models;
  REQUIRE(models.size() == 3);
  CHECK(models[0].first == "critic");
  CHECK(models[0].second.name == "adam");
  CHECK(lr_of_method(models[0].second) == 4e-4);
  CHECK(models[0].second.as<test::AdamOptions>().betas == std::vector<double>{0.5, 0.9});
  CHECK(models[1].second.name == "sgd");
  CHECK(lr_of_method(models[1].second) == 0.1);  // another method's own default
  CHECK(models[1].second.as<test::SgdOptions>().momentum == 0.9);
  CHECK(models[2].second.name == "sgd");
  CHECK(lr_of_method(resolved.recipe.optimizer.method) == 2e-4);
  CHECK(resolved.values["optimizer"]["models"]["critic"]["betas"] == Json({0.5, 0.9}));
  CHECK(resolved.provenance.at("optimizer.models.critic.lr").line == 8);
  CHECK(resolved.provenance.at("optimizer.models.critic.betas").line == 7);

  const LengthFiles other;
  CHECK(other.resolved(to_yaml(resolved.values)).values["optimizer"] == resolved.values["optimizer"]);
  const auto set = other.resolved(kWhole, {"optimizer.models.critic.lr=0.5", "optimizer.models.judge=adam"});
  CHECK(lr_of_method(set.recipe.optimizer.models[0].second) == 0.5);
  CHECK(set.recipe.optimizer.models[0].second.name == "sgd");
  CHECK(set.recipe.optimizer.models[1].second.name == "adam");
}

TEST_CASE("a model's schedule takes from the section what it does not say, in depth", "[config]") {
  const LengthFiles files;
  const auto resolved = files.resolved(
      kWhole +
      "schedule: {name: cosine, warmup: 5 epochs, noise: {start: 1 epoch, std: 2}, interval: step,\n"
      "           models: {critic: {warmup: 10 steps, noise: {limit: 0.5}}, judge: constant, still: {noise: null}}}\n");
  const auto& models = resolved.recipe.schedule.models;
  REQUIRE(models.size() == 3);
  CHECK(models[0].second.curve.name == "cosine");
  CHECK(models[0].second.warmup.text() == "10 steps");
  CHECK(models[0].second.noise.std == 2);
  CHECK(models[0].second.noise.limit == 0.5);
  CHECK(models[1].second.curve.name == "constant");
  CHECK(models[1].second.warmup.text() == "5 epochs");
  CHECK(models[1].second.interval == "step");
  CHECK_FALSE(models[2].second.noise.start);
}

TEST_CASE("layers and names of models' optimizers merge", "[config]") {
  const LengthFiles files;
  files.folder.write("base.yaml",
                     kWhole + "optimizer: {name: sgd, models: {critic: {name: adam, betas: [0.1, 0.2]}}}\n");
  const auto kept = files.resolved("extends: base.yaml\noptimizer: {models: {critic: {lr: 0.5}}}\n");
  CHECK(kept.recipe.optimizer.models[0].second.as<test::AdamOptions>().betas == std::vector<double>{0.1, 0.2});
  const auto changed = files.resolved("extends: base.yaml\noptimizer: {models: {critic: sgd}}\n");
  CHECK(changed.recipe.optimizer.models[0].second.name == "sgd");
  REQUIRE(changed.notes.size() == 1);
  CHECK(changed.notes[0].rfind("optimizer.models.critic.betas of ", 0) == 0);
  const auto gone = files.resolved("extends: base.yaml\noptimizer: {models: null}\n");
  CHECK(gone.recipe.optimizer.models.empty());
}

TEST_CASE("what is wrong with a model's optimizer is told at its place, and the section's faults once", "[config]") {
  const LengthFiles files;
  CHECK(files.problem(kWhole + "optimizer: {models: {critic: {lr: -1}}}\n") ==
        "4:35: optimizer.models.critic.lr: expected a number above 0, got -1");
  CHECK(files.problem(kWhole + "optimizer: {models: {critic: {name: adan}}}\n")
            .rfind("4:37: optimizer.models.critic.name: unknown optimizer \"adan\"", 0) == 0);
  CHECK(files.problem(kWhole + "optimizer: {models: {critic: {name: adam, momentum: 0.9}}}\n") ==
        "4:43: optimizer.models.critic.momentum: 'momentum' is an option of optimizer sgd, but "
        "optimizer.models.critic.name is adam");
  CHECK(files.problem(kWhole + "optimizer: {models: 3}\n") ==
        "4:21: optimizer.models: expected a map of them by name, got 3");
  CHECK(files.problem(kWhole + "optimizer: {models: {critic: [1]}}\n") ==
        "4:30: optimizer.models.critic: expected a string or a map, got a list");
  CHECK(files.problem(kWhole + "optimizer: {lr: -1, models: {critic: {momentum: 0.5}}}\n") ==
        "4:17: optimizer.lr: expected a number above 0, got -1");
  CHECK(files.problem(kWhole + "optimizer: {lrr: 1, models: {critic: {momentum: 0.5}}}\n") ==
        "4:13: optimizer.lrr: unknown key; did you mean lr?");
}

}  // namespace mlrun::config
