#include "config/bind.h"

#include "config/tasks_of.h"
#include "fake_catalogue.h"
#include "support.h"

namespace mlrun::config {
namespace {

using test::fake_catalogue;
using test::TempDir;
using test::user_error;

const std::string kRest = "task: classification\ndata: {root: /photos, format: idx}\n";

Resolved resolved(const TempDir& folder, const std::string& model, const std::vector<Override>& overrides = {}) {
  return resolve({folder.write("r.yaml", kRest + model), overrides}, fake_catalogue());
}

ModelSection section(const std::string& model) {
  const TempDir folder;
  return resolved(folder, model).recipe.model;
}

std::string problem_of_model(const std::string& model) {
  const TempDir folder;
  const std::string text = user_error([&] { resolved(folder, model); });
  const std::string prefix = (folder / "r.yaml").string() + ":";
  REQUIRE(text.rfind(prefix, 0) == 0);
  return text.substr(prefix.size());
}

TEST_CASE("weights are a file, relative to the recipe, or a published name", "[config]") {
  const TempDir folder;
  const auto file = [&](const std::string& text) {
    return resolved(folder, "model: {name: resnet18, weights: " + text + "}\n").recipe.model.weights.file;
  };
  CHECK(*file("old/best.pth") == folder / "old/best.pth");
  CHECK(*file("/data/best.pth") == "/data/best.pth");
  CHECK(*file("IMAGENET1K_V1") == "IMAGENET1K_V1");
  CHECK(*file("DEFAULT") == "DEFAULT");
  CHECK(*file("resnet18/IMAGENET1K_V1") == "resnet18/IMAGENET1K_V1");
  CHECK(*file("ResNet18_Weights.DEFAULT") == "ResNet18_Weights.DEFAULT");
  CHECK(*file("./DEFAULT") == folder / "DEFAULT");
  CHECK(*file("best") == folder / "best");
  CHECK_FALSE(file("null"));
  CHECK(*resolved(folder, "model: resnet18\n", {{"model.weights", "IMAGENET1K_V1"}}).recipe.model.weights.file ==
        "IMAGENET1K_V1");
}

TEST_CASE("names of published weights are told from files by their letters", "[config]") {
  for (const char* name : {"IMAGENET1K_V1", "IMAGENET1K_SWAG_E2E_V1", "DEFAULT", "vit_b_16/IMAGENET1K_V1",
                           "ViT_B_16_Weights.IMAGENET1K_SWAG_LINEAR_V1"}) {
    CHECK(looks_like_name(name));
  }
  for (const char* file : {"", "best", "best.pth", "a/b/DEFAULT", "./DEFAULT", "/DEFAULT", "1K", "MODEL.pth", "runs/x",
                           "DEFAULT/", "V1.", "resnet18"}) {
    INFO(file);
    CHECK_FALSE(looks_like_name(file));
  }
}

TEST_CASE("how weights are loaded is said beside them", "[config]") {
  const ModelSection model = section(
      "model:\n"
      "  name: resnet18\n"
      "  weights: {file: a.pth, entry: model_ema, strict: false, map: {\"backbone.*\": \"*\", head: fc}, skip: [ema.*, "
      "x]}\n"
      "  head: reinit\n"
      "  freeze: layer1\n");
  CHECK(*model.weights.entry == "model_ema");
  CHECK_FALSE(model.weights.strict);
  CHECK(model.weights.map == StringPairs{{"backbone.*", "*"}, {"head", "fc"}});
  CHECK(model.weights.skip == std::vector<std::string>{"ema.*", "x"});
  CHECK(model.weights.head == "keep");
  CHECK(model.head == "reinit");
  CHECK(model.freeze == std::vector<std::string>{"layer1"});
  const ModelSection plain = section("model: resnet18\n");
  CHECK(plain.weights.strict);
  CHECK(plain.weights.map.empty());
  CHECK(plain.freeze.empty());
}

TEST_CASE("a dump with weights reads back the same", "[config]") {
  const TempDir folder;
  const Resolved first = resolved(
      folder,
      "model: {name: resnet18, weights: {file: a.pth, map: {\"a.*\": \"$${b}*\", \"1\": \"\"}}, freeze: [\"*.bn\"]}\n");
  const Resolved second = resolve({folder.write("again.yaml", to_yaml(first.values)), {}}, fake_catalogue());
  CHECK(second.values == first.values);
  CHECK(second.recipe.model.weights.map == StringPairs{{"a.*", "${b}*"}, {"1", ""}});
  CHECK(first.values.at("model").at("weights").at("map").dump() == R"({"a.*":"${b}*","1":""})");
}

TEST_CASE("mistakes around weights are told", "[config]") {
  CHECK(problem_of_model("model: {name: resnet18, weights: {map: {a: b}}}\n") ==
        "3:40: model.weights.map: says how a file is loaded, but model.weights.file names none");
  CHECK(problem_of_model("model: {name: resnet18, weights: {file: x, map: {a: \"*\"}}}\n") ==
        "3:49: model.weights.map: '*' has more `*` than 'a'");
  CHECK(problem_of_model("model: {name: resnet18, weights: {file: x, map: [a, b]}}\n") ==
        "3:49: model.weights.map: expected a map of strings, got a list");
  CHECK(problem_of_model("model: {name: resnet18, weights: {file: x, map: {a: 1}}}\n") ==
        "3:53: model.weights.map.a: expected a string, got 1; quote it: \"1\"");
  CHECK(problem_of_model("model: {name: resnet18, weights: {file: x, map: {a: [b]}}}\n") ==
        "3:53: model.weights.map.a: expected a string, got a list");
  CHECK(problem_of_model("model: {name: resnet18, head: renit}\n") ==
        "3:31: model.head: expected keep or reinit, got \"renit\"; did you mean reinit?");
  CHECK(problem_of_model("model: {name: resnet18, weights: {fil: x}}\n") ==
        "3:35: model.weights.fil: unknown key; did you mean file?");
}

TEST_CASE("maps of strings merge over layers", "[config]") {
  const TempDir folder;
  folder.write("base.yaml", kRest + "model: {name: resnet18, weights: {file: x, map: {a: b, c: d}}}\n");
  const auto top = folder.write("top.yaml", "extends: base.yaml\nmodel: {weights: {map: {c: e, a: null, f: g}}}\n");
  const Resolved merged = resolve({top, {}}, fake_catalogue());
  CHECK(merged.recipe.model.weights.map == StringPairs{{"c", "e"}, {"f", "g"}});
}

TEST_CASE("models that serve several tasks, or say none, fit the recipe's", "[config]") {
  CHECK(section("model: many\n").architecture.name == "many");
  CHECK(section("model: small_cnn\n").architecture.name == "small_cnn");
  const Registry& models = fake_catalogue().at("model");
  CHECK(tasks_of(models.at("many")) == std::vector<std::string>{"detection", "classification"});
  CHECK(tasks_of(models.at("fcn")) == std::vector<std::string>{"segmentation"});
  CHECK(tasks_of(models.at("small_cnn")).empty());
}

}  // namespace
}  // namespace mlrun::config
