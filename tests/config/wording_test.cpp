#include "config/wording.h"

#include <cstdlib>

#include "config/bind.h"
#include "fake_catalogue.h"
#include "support.h"

namespace mlrun::config {
namespace {

using test::TempDir;
using test::user_error;

const std::vector<std::pair<const char*, const char*>> kVariables = {{"MLRUN_TEST_ROOT", "/secret/place"},
                                                                     {"MLRUN_TEST_MODEL", "resnet18"},
                                                                     {"MLRUN_TEST_LAYER", "secret_layer"},
                                                                     {"MLRUN_TEST_LR", "0.625"},
                                                                     {"MLRUN_TEST_BATCH", "48"}};

const std::string kRecipe =
    "task: classification\n"
    "model:\n"
    "  name: ${env:MLRUN_TEST_MODEL}\n"
    "  weights: ${env:MLRUN_TEST_ROOT}/w.pth\n"
    "  freeze: [layer1, \"${env:MLRUN_TEST_LAYER}\"]\n"
    "data:\n"
    "  root: ${env:MLRUN_TEST_ROOT}/photos\n"
    "  format: idx\n"
    "optimizer:\n"
    "  name: sgd\n"
    "  lr: ${env:MLRUN_TEST_LR}\n"
    "train:\n"
    "  seed: ${train.batch_size}\n"
    "  batch_size: ${env:MLRUN_TEST_BATCH}\n";

/// The variables of the recipe for one test.
struct Variables {
  Variables() {
    for (const auto& [name, value] : kVariables) ::setenv(name, value, 1);
  }
  ~Variables() {
    for (const auto& variable : kVariables) ::unsetenv(variable.first);
  }
};

Resolved resolved_at(const std::filesystem::path& file, bool recorded = false) {
  LayerRequest request;
  request.file = file;
  request.recorded = recorded;
  return resolve(request, test::fake_catalogue());
}

bool holds(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST_CASE("what the environment gives is recorded as it was written", "[config]") {
  const Variables variables;
  const TempDir folder;
  const Resolved resolved = resolved_at(folder.write("recipe.yaml", kRecipe));
  CHECK(resolved.recipe.data.root == "/secret/place/photos");
  CHECK(resolved.values["optimizer"]["lr"] == 0.625);
  const std::string text = recorded_yaml(resolved);
  CHECK(holds(text, "\n  name: ${env:MLRUN_TEST_MODEL}\n"));
  CHECK(holds(text, "\n    file: ${env:MLRUN_TEST_ROOT}/w.pth\n"));
  CHECK(holds(text, "\n  freeze:\n    - layer1\n    - \"${env:MLRUN_TEST_LAYER}\"\n"));
  CHECK(holds(text, "\n  root: ${env:MLRUN_TEST_ROOT}/photos\n"));
  CHECK(holds(text, "\n  lr: ${env:MLRUN_TEST_LR}\n"));
  CHECK(holds(text, "\n  seed: ${env:MLRUN_TEST_BATCH}\n"));
  const std::string values = json_text(recorded_values(resolved));
  CHECK(holds(values, "\"lr\":\"${env:MLRUN_TEST_LR}\""));
  CHECK(holds(values, "\"root\":\"${env:MLRUN_TEST_ROOT}/photos\""));
  for (const std::string& record : {text, values}) {
    CHECK_FALSE(holds(record, "secret"));
    CHECK_FALSE(holds(record, "625"));
    CHECK_FALSE(holds(record, "48"));
  }
  const Resolved again = resolved_at(folder.write("elsewhere/recipe.yaml", text));
  CHECK(again.values == resolved.values);
  CHECK(recorded_yaml(again) == text);
}

TEST_CASE("a recipe without variables is recorded by its values", "[config]") {
  const TempDir folder;
  const Resolved resolved = resolved_at(
      folder.write("recipe.yaml", "task: classification\nmodel: resnet18\ndata: {root: photos, format: idx}\n"));
  CHECK(recorded_values(resolved) == resolved.values);
  CHECK(recorded_yaml(resolved) == to_yaml(resolved.values));
}

TEST_CASE("a relative folder from the environment stays where the recipe lay", "[config]") {
  const Variables variables;
  ::setenv("MLRUN_TEST_ROOT", "photos", 1);
  const TempDir folder;
  const Resolved resolved = resolved_at(folder.write("recipe.yaml", kRecipe));
  const std::string text = recorded_yaml(resolved);
  CHECK(holds(text, "root: " + (folder / "${env:MLRUN_TEST_ROOT}/photos").string() + "\n"));
  CHECK(resolved_at(folder.write("runs/a/recipe.yaml", text)).values == resolved.values);
}

TEST_CASE("literal text beside a variable stays literal", "[config]") {
  const Variables variables;
  const TempDir folder;
  const Resolved resolved =
      resolved_at(folder.write("recipe.yaml",
                               "task: classification\nmodel: resnet18\n"
                               "data:\n  root: \"/x/$${a}: \\\"b\\\"/${env:MLRUN_TEST_LAYER}\"\n  format: idx\n"));
  CHECK(resolved.recipe.data.root == "/x/${a}: \"b\"/secret_layer");
  const std::string text = recorded_yaml(resolved);
  CHECK(holds(text, "root: \"/x/$${a}: \\\"b\\\"/${env:MLRUN_TEST_LAYER}\"\n"));
  CHECK(resolved_at(folder.write("again.yaml", text)).values == resolved.values);
}

TEST_CASE("a recipe that is given away does not say where things lay", "[config]") {
  const Variables variables;
  const TempDir folder;
  const Resolved resolved = resolved_at(folder.write("recipe.yaml", kRecipe));
  const std::string text = portable_yaml(resolved, {"train.workers"});
  CHECK_FALSE(holds(text, "root:"));
  CHECK_FALSE(holds(text, "workers:"));
  CHECK_FALSE(holds(text, "secret"));
  CHECK(holds(text, "\n    file: w.pth\n"));
  CHECK(holds(text, "\n  lr: ${env:MLRUN_TEST_LR}\n"));
  const Resolved again = resolved_at(folder.write("away/recipe.yaml", text));
  CHECK(again.recipe.data.root.empty());
  CHECK(again.recipe.train.batch_size == 48);
}

TEST_CASE("a recorded recipe needs only the variables that it uses", "[config]") {
  const TempDir folder;
  const auto file = folder.write("recipe.yaml", kRecipe);
  {
    const Variables variables;
    ::unsetenv("MLRUN_TEST_ROOT");
    CHECK(resolved_at(file, /*recorded=*/true).recipe.data.root == folder / "${env:MLRUN_TEST_ROOT}/photos");
    CHECK(user_error([&] { resolved_at(file); }) ==
          file.string() +
              ":4:12: model.weights.file: the environment variable MLRUN_TEST_ROOT is not set; set it, or write the "
              "value out\n" +
              file.string() +
              ":7:9: data.root: the environment variable MLRUN_TEST_ROOT is not set; set it, or write the value out");
  }
  const Variables variables;
  ::unsetenv("MLRUN_TEST_LR");
  CHECK(user_error([&] { resolved_at(file, /*recorded=*/true); }) ==
        file.string() +
            ":11:7: optimizer.lr: the environment variable MLRUN_TEST_LR is not set; set it, or write the value out");
}

TEST_CASE("a recipe that a file carries reads no other files", "[config]") {
  LayerRequest request;
  request.file = "weights.safetensors";
  request.recorded = true;
  CHECK(user_error([&] { resolve("extends: /etc/passwd\n", request, test::fake_catalogue()); }) ==
        "weights.safetensors:1:10: extends: the recipe that this file carries names other files; take files from a "
        "source that you trust");
}

}  // namespace
}  // namespace mlrun::config
