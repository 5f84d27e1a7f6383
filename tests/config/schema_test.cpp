#include <algorithm>
#include <functional>
#include <set>

#include "config/bind.h"
#include "fake_catalogue.h"
#include "json_schema.h"
#include "support.h"

namespace mlrun::config {
namespace {

const Json& schema() {
  static const Json schema = json_schema(test::fake_catalogue());
  return schema;
}

/// The schema itself, or what its reference leads to.
const Json& followed(const Json& part) {
  if (!part.contains("$ref")) return part;
  REQUIRE(part.size() == 1);
  return schema().at(Json::json_pointer(part["$ref"].get<std::string>().substr(1)));
}

/// The alternative of `anyOf` that describes a value of this JSON type.
const Json& alternative(const Json& field, const std::string& type) {
  for (const auto& choice : field.at("anyOf")) {
    if (followed(choice).value("type", "") == type) return followed(choice);
  }
  throw InternalError(__FILE__, __LINE__, "no alternative of type " + type);
}

const Json& schema_section(const std::string& name) { return alternative(schema()["properties"][name], "object"); }

const Json& branch(const Json& map, const std::string& component) {
  for (const auto& candidate : map.at("allOf")) {
    for (const auto& [key, condition] : candidate["if"]["properties"].items()) {
      const Json names = condition.contains("enum") ? condition["enum"] : Json::array({condition["const"]});
      if (std::find(names.begin(), names.end(), component) != names.end()) return followed(candidate["then"]);
    }
  }
  throw InternalError(__FILE__, __LINE__, "no branch of " + component);
}

TEST_CASE("the schema is closed draft-07 with the recipe's words", "[config]") {
  CHECK(schema()["$schema"] == "http://json-schema.org/draft-07/schema#");
  CHECK(schema()["additionalProperties"] == false);
  std::set<std::string> words;
  for (const auto& [key, unused] : schema()["properties"].items()) words.insert(key);
  for (const char* word : {"extends", "task", "model", "data", "train", "optimizer", "schedule", "expect"}) {
    CHECK(words.count(word) == 1);
  }
  CHECK(schema()["anyOf"] == Json::array({{{"required", {"extends"}}}, {{"required", {"task", "model", "data"}}}}));
}

TEST_CASE("ranges, units, choices and defaults reach the schema", "[config]") {
  const Json& train = schema_section("train")["properties"];
  CHECK(followed(train["epochs"]["anyOf"][0])["anyOf"][0] == Json({{"type", "integer"}, {"minimum", 1}}));
  CHECK(train["epochs"]["default"] == 10);
  CHECK(train["epochs"]["description"] == "passes over the training samples");
  CHECK(followed(train["clip_grad_norm"]["anyOf"][0]) == Json({{"type", "number"}, {"exclusiveMinimum", 0.0}}));
  CHECK(train["clip_grad_norm"]["default"].is_null());
  CHECK(train["evaluate"]["default"] == "1 epoch");
  const Json& schedule = schema_section("schedule")["properties"];
  CHECK(schedule["warmup_method"]["anyOf"][0] == Json({{"enum", {"linear", "constant"}}}));
  const Json& adam = branch(schema_section("optimizer"), "adam")["properties"];
  const Json& betas = alternative(adam["betas"], "array");
  CHECK(betas["minItems"] == 2);
  CHECK(betas["maxItems"] == 2);
  CHECK(followed(betas["items"]["anyOf"][0])["exclusiveMaximum"] == 1.0);
  CHECK(adam["betas"]["default"] == Json::array({0.9, 0.999}));
}

TEST_CASE("each component has its branch, which is closed too", "[config]") {
  const Json& optimizer = schema_section("optimizer");
  CHECK(optimizer["allOf"].size() == 2);  // sgd, and three with the options of adam
  CHECK(optimizer["properties"].contains("nesterov"));
  CHECK(optimizer["properties"].contains("betas"));
  CHECK(optimizer["additionalProperties"] == false);
  const Json& sgd = branch(optimizer, "sgd");
  CHECK(sgd["additionalProperties"] == false);
  CHECK(sgd["properties"].contains("nesterov"));
  CHECK_FALSE(sgd["properties"].contains("betas"));
  CHECK(sgd["properties"]["name"] == true);
  const Json& data = schema_section("data");
  CHECK(branch(data, "image_folder")["properties"].contains("root"));
  CHECK(branch(data, "image_folder")["properties"].contains("extensions"));
  CHECK_FALSE(branch(data, "idx")["properties"].contains("extensions"));
}

TEST_CASE("component names are listed with their descriptions", "[config]") {
  const Json& names = followed(schema_section("schedule")["properties"]["name"]["anyOf"][0]);
  CHECK(names["enum"] == Json::array({"constant", "step", "cosine"}));
  CHECK(names["enumDescriptions"] == Json::array({"no change", "falls at regular distances", "half a cosine"}));
  CHECK(schema_section("schedule")["properties"]["name"]["default"] == "constant");
}

TEST_CASE("a string may stand for a section", "[config]") {
  CHECK(alternative(schema()["properties"]["model"], "string")["enum"].size() == 7);
  CHECK_FALSE(alternative(schema()["properties"]["data"], "string").contains("enum"));
  const Json& augment = schema_section("data")["properties"]["augment"];
  CHECK(alternative(augment, "string")["enum"][0] == "resize");
  CHECK(alternative(augment, "object")["properties"].contains("name"));
  CHECK(followed(alternative(augment, "array")["items"]["anyOf"][1])["required"] == Json::array({"name"}));
}

TEST_CASE("list items must be complete, sections need not: they may be layers", "[config]") {
  const Json& items = alternative(schema()["properties"]["expect"], "array")["items"]["anyOf"];
  CHECK(items[0]["required"] == Json::array({"metric", "value"}));
  const Json& augment = schema_section("data")["properties"]["augment"];
  const Json& transform = followed(alternative(augment, "array")["items"]["anyOf"][1]);
  CHECK(branch(transform, "resize")["allOf"][1]["required"] == Json::array({"size"}));
  CHECK_FALSE(branch(alternative(augment, "object"), "resize").contains("allOf"));
  CHECK_FALSE(schema_section("model").contains("required"));
  CHECK_FALSE(schema_section("data").contains("required"));
}

TEST_CASE("every reference inside the schema leads somewhere", "[config]") {
  int count = 0;
  const std::function<void(const Json&)> walk = [&](const Json& node) {
    if (node.is_object() && node.contains("$ref")) {
      const std::string target = node["$ref"];
      REQUIRE(target.rfind("#/definitions/", 0) == 0);
      CHECK(schema()["definitions"].contains(target.substr(14)));
      ++count;
    }
    if (node.is_structured()) {
      for (const auto& item : node) walk(item);
    }
  };
  walk(schema());
  CHECK(count > 50);
}

TEST_CASE("what several places take stands in the schema once", "[config]") {
  const Json& data = schema_section("data")["properties"];
  CHECK(data["augment"]["anyOf"] == data["preprocess"]["anyOf"]);
  const Json& item = followed(alternative(data["augment"], "array")["items"]["anyOf"][1]);
  CHECK(branch(item, "resize")["allOf"][0] == Json{{"$ref", "#/definitions/transform.resize"}});
  // adamw and adam have the same options, so they have one branch.
  const Json& optimizer = schema_section("optimizer");
  CHECK(&branch(optimizer, "adam") == &branch(optimizer, "adamw"));
  CHECK(&branch(optimizer, "adam") != &branch(optimizer, "sgd"));
}

/// Whether the schema takes this recipe, or layer of one.
bool takes_text(const std::string& text) { return test::takes(schema(), test::plain(parse_yaml(text, "x.yaml"))); }

const std::string kSound = "task: classification\nmodel: resnet18\ndata: {root: photos, format: idx}\n";

TEST_CASE("the schema takes sound recipes and layers of them", "[config]") {
  for (const char* more :
       {"", "train: {epochs: 3, evaluate: 500 steps, batch_size: 1k, seed: '${env:SEED}'}", "train: {epochs: null}",
        "optimizer: adam", "optimizer: {name: adam, betas: [0.9, 0.99]}", "optimizer: {betas: [0.9, 0.99]}",
        "optimizer: {models: {body: {name: sgd, lr: 0.1}}}", "expect: [{metric: val/acc1, value: 90}]"}) {
    INFO(more);
    CHECK(takes_text(kSound + more));
  }
  for (const char* data :
       {"resize", "{name: resize, size: 32}", "{size: 32}", "[resize, {name: normalize}, '${data.preprocess}']"}) {
    INFO(data);
    CHECK(takes_text("extends: base.yaml\ndata: {augment: " + std::string(data) + "}\n"));
  }
}

TEST_CASE("the schema refuses what is wrong in a recipe", "[config]") {
  CHECK_FALSE(takes_text("task: classification\nmodel: resnet18\n"));
  CHECK_FALSE(takes_text(kSound + "trian: {epochs: 3}\n"));
  for (const char* more :
       {"train: {epochs: ten}", "train: {epochs: 0}", "train: {epochs: 1.5}", "train: {clip_grad_norm: 0}",
        "train: {evaluate: 5}", "train: {epoch: 3}", "optimizer: adan", "optimizer: {name: adam, nesterov: true}",
        "optimizer: {name: adam, betas: [0.9]}", "optimizer: {name: adam, betas: [0.9, 1]}", "optimizer: {beta: 1}",
        "optimizer: {name: sgd, lr: '0.1'}", "optimizer: {models: {body: {name: sgd, betas: [0.9, 0.9]}}}",
        "expect: [{metric: val/acc1}]", "schedule: {warmup_method: cosine}"}) {
    INFO(more);
    CHECK_FALSE(takes_text(kSound + more));
  }
  for (const char* data : {"resiz", "{name: resize, size: 0}", "{name: resize, mean: [1]}", "[{name: resize}]",
                           "[null]", "[{size: 32}]", "{sizes: 32}"}) {
    INFO(data);
    CHECK_FALSE(takes_text("extends: base.yaml\ndata: {augment: " + std::string(data) + "}\n"));
  }
}

TEST_CASE("the reference page has a section for each word and each component", "[config]") {
  const std::string page = reference_page(test::fake_catalogue());
  for (const char* heading : {"\n## `task`\n", "\n## `train`\n", "\n### optimizer `sgd`\n", "\n### optimizer `lamb`\n",
                              "\n### source `idx`\n", "\n### transform `resize`\n", "\n## `expect`\n"}) {
    INFO(heading);
    const auto first = page.find(heading);
    REQUIRE(first != std::string::npos);
    CHECK(page.find(heading, first + 1) == std::string::npos);
  }
  CHECK(page == reference_page(test::fake_catalogue()));
}

TEST_CASE("the reference page's rows give type, range, default and help", "[config]") {
  const std::string page = reference_page(test::fake_catalogue());
  for (const char* row :
       {"| `epochs` | integer, at least 1 | `10` | passes over the training samples |\n",
        "| `checkpoint.keep` | integer, at least 1 | `3` | newest checkpoints kept beside `best` |\n",
        "| `betas` | list of 2 numbers, at least 0 and below 1 | `[0.9, 0.999]` | decay of both moments |\n",
        "| `warmup_method` | `linear` or `constant` | `linear` | course of the warm-up |\n",
        "| `size` | integer, from 1 to 4096 (pixels) | `32` | height and width |\n",
        "| `size` | integer, at least 1 (pixels) | **required** | shorter side |\n",
        "| `workers` | integer, from 0 to 256; or null | `null` |", "| `format` | source | **required** |",
        "| `name` | optimizer | `sgd` |", "| `root` | path | none |"}) {
    INFO(row);
    CHECK(page.find(row) != std::string::npos);
  }
  CHECK(page.find("Three convolutions | for tests. No options.\n") != std::string::npos);
  CHECK(page.find("Adam with decoupled weight decay. Options and defaults as `adam`.\n") != std::string::npos);
}

}  // namespace
}  // namespace mlrun::config
