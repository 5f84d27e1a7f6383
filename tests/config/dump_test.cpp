#include <cstdlib>
#include <limits>

#include "config/bind.h"
#include "fake_catalogue.h"
#include "support.h"

namespace mlrun::config {
namespace {

/// The values of a YAML tree as a dump has them; strings stay strings, numbers become numbers.
Json values_of(const Node& node) {
  if (node.type == Node::Type::Null) return nullptr;
  if (node.type == Node::Type::Scalar) {
    if (node.quoted) return node.scalar;
    const Json number = Json::parse(node.scalar, nullptr, false);
    return number.is_discarded() ? Json(node.scalar) : number;
  }
  if (node.type == Node::Type::List) {
    Json list = Json::array();
    for (const auto& item : node.items) list.push_back(values_of(item));
    return list;
  }
  Json map = Json::object();
  for (const auto& entry : node.entries) map[entry.key] = values_of(entry.value);
  return map;
}

Resolved resolve_text(const test::TempDir& folder, const std::string& text) {
  LayerRequest request;
  request.file = folder.write("recipe.yaml", text);
  return resolve(request, test::fake_catalogue());
}

TEST_CASE("a dump has every option, components with theirs", "[config]") {
  const test::TempDir folder;
  const auto resolved =
      resolve_text(folder,
                   "task: classification\nmodel: resnet18\n"
                   "data: {root: photos, format: image_folder, augment: [flip, {name: resize, size: 9}]}\n"
                   "optimizer: {name: adam, lr: 0.5}\n");
  const Json& values = resolved.values;
  CHECK(values["optimizer"]["name"] == "adam");
  CHECK(values["optimizer"]["lr"] == 0.5);
  CHECK(values["optimizer"]["betas"] == Json({0.9, 0.999}));
  CHECK(values["optimizer"]["layer_decay"].is_null());
  CHECK(values["data"]["root"] == (folder / "photos").string());
  CHECK(values["data"]["format"] == "image_folder");
  CHECK(values["data"]["exif"] == "ignore");
  CHECK(values["data"]["augment"] == Json::array({{{"name", "flip"}}, {{"name", "resize"}, {"size", 9}}}));
  CHECK(values["model"]["variant"].is_null());
  CHECK(values["train"]["epochs"] == 10);
  CHECK(values["train"]["checkpoint"]["every"] == "1 epoch");
  CHECK(values["expect"] == Json::array());
  CHECK(resolved.name == "recipe");
}

TEST_CASE("a dumped recipe resolves to the same values", "[config]") {
  const test::TempDir folder;
  const auto first =
      resolve_text(folder,
                   "task: {name: classification, label_smoothing: 1e-5}\n"
                   "model: {name: resnet18, variant: \"1\", num_classes: 10}\n"
                   "data: {root: \"a b/# c\", format: image_folder, extensions: [\"yes\", \"1e3\", \"$${x}\"],\n"
                   "       augment: [{name: resize, size: 3}], preprocess: [flip]}\n"
                   "schedule: {name: cosine, restarts: [5 epochs, 25 %], warmup: 7.8 s}\n"
                   "expect: [{metric: test/acc1, value: 92.5, when: {samples: 10}, source: \"x: y\"}]\n");
  const auto check_again = [&](const Provenance* provenance) {
    const test::TempDir other;
    const auto second = resolve_text(other, to_yaml(first.values, provenance));
    CHECK(second.values == first.values);
    CHECK(to_yaml(second.values) == to_yaml(first.values));
  };
  check_again(nullptr);
  check_again(&first.provenance);
  CHECK(first.values["data"]["extensions"] == Json::array({"yes", "1e3", "${x}"}));
}

TEST_CASE("YAML is written in blocks, lists of scalars on one line", "[config]") {
  const Json values = {{"a", {{"b", 1}, {"c", {1.5, 2.0}}}},
                       {"d", Json::array({{{"name", "x"}, {"size", 3}}, {{"name", "z"}, {"e", Json::object()}}})},
                       {"f", Json::array()},
                       {"g", nullptr},
                       {"h", Json::array({Json::array({1, 2})})}};
  CHECK(to_yaml(values) ==
        "a:\n"
        "  b: 1\n"
        "  c: [1.5, 2.0]\n"
        "d:\n"
        "  - name: x\n"
        "    size: 3\n"
        "  - name: z\n"
        "    e: {}\n"
        "f: []\n"
        "g: null\n"
        "h:\n"
        "  - [1, 2]\n");
}

TEST_CASE("provenance stands behind each leaf, in one column", "[config]") {
  const Json values = {{"a", {{"b", 1}, {"long_name", "text"}}}, {"list", Json::array({{{"name", "x"}}})}};
  const Provenance provenance = {{"a.b", {"r.yaml", 1, 2}}, {"a.long_name", {}}, {"list.0.name", {"command line"}}};
  CHECK(to_yaml(values, &provenance) ==
        "a:\n"
        "  b: 1             # r.yaml:1:2\n"
        "  long_name: text  # default\n"
        "list:\n"
        "  - name: x        # command line\n");
}

TEST_CASE("every leaf of a resolved recipe has a provenance", "[config]") {
  const test::TempDir folder;
  const auto resolved = resolve_text(folder,
                                     "task: classification\nmodel: resnet18\n"
                                     "data: {root: photos, format: idx, augment: [flip]}\nexpect: []\n");
  const std::string yaml = to_yaml(resolved.values, &resolved.provenance);
  std::size_t leaves = 0;
  for (std::size_t from = 0; from < yaml.size();) {
    const auto end = yaml.find('\n', from);
    const std::string line = yaml.substr(from, end - from);
    INFO(line);
    if (line.back() != ':') CHECK(line.find("  # ") != std::string::npos);
    leaves += line.back() != ':';
    from = end + 1;
  }
  CHECK(leaves > 30);
}

TEST_CASE("strings that look like something else are quoted, and all read back", "[config]") {
  const std::vector<std::string> texts = {
      "",          " ",          "plain",  "two words", "trailing ", " leading", "1",           "-1",
      "+1",        "1.5",        ".5",     "1e3",       "0x1F",      "0o17",     "010",         "1_000",
      "12:30",     "2024-01-01", "true",   "False",     "yes",       "no",       "On",          "off",
      "y",         "null",       "Null",   "~",         ".inf",      "-.inf",    ".nan",        "inf",
      "nan",       "a: b",       "a #b",   "#a",        "a,b",       "[a]",      "{a}",         "&a",
      "*a",        "!a",         "|",      ">",         "-",         "- a",      "---",         "...",
      "? a",       "%a",         "@a",     "`a`",       "'a'",       "\"a\"",    "back\\slash", "line\nbreak",
      "tab\there", "bell\a",     "\x7f",   "\r",        "é",         "日本",     "<<",          "=",
      "/abs/path", "./rel",      "~/home", "25 %",      "7.8 s",     "val/acc1", "a:",          "C:\\x",
      "10.png",    "1 2"};
  Json map = Json::object();
  Json list = Json::array();
  for (const auto& text : texts) {
    map["k" + std::to_string(map.size())] = text;
    list.push_back(text);
  }
  const Json values = {{"map", map}, {"list", list}};
  const std::string yaml = to_yaml(values);
  CHECK(values_of(parse_yaml(yaml, "x.yaml")) == values);
  for (const char* text : {"1", "010", "yes", "null", "1e3", ".inf"}) {
    CHECK(to_yaml({{"v", text}}) == "v: \"" + std::string(text) + "\"\n");
  }
  for (const char* text : {"plain", "two words", "val/acc1", "/abs/path", "25 %", "7.8 s"}) {
    CHECK(to_yaml({{"v", text}}) == "v: " + std::string(text) + "\n");
  }
}

TEST_CASE("keys that look like something else are quoted too", "[config]") {
  const Json values = {{"1", 2}, {"a: b", 3}, {"null", 4}};
  CHECK(values_of(parse_yaml(to_yaml(values), "x.yaml")) == values);
}

TEST_CASE("numbers are written shortest, and floats stay floats", "[config]") {
  const auto text = [](const Json& value) {
    const std::string yaml = to_yaml({{"v", value}});
    return yaml.substr(3, yaml.size() - 4);
  };
  CHECK(text(1.0) == "1.0");
  CHECK(text(0.1) == "0.1");
  CHECK(text(1e-5) == "1e-05");
  CHECK(text(1e22) == "1e+22");
  CHECK(text(-0.0) == "-0.0");
  CHECK(text(100000.0) == "100000.0");
  CHECK(text(5) == "5");
  CHECK(text(std::numeric_limits<std::int64_t>::min()) == "-9223372036854775808");
  for (const double value : {1.0 / 3, 5e-324, 1.7976931348623157e308, 123456789.125, 1e15, 1e16}) {
    CHECK(std::strtod(text(value).c_str(), nullptr) == value);
    CHECK(text(value).find_first_of(".e") != std::string::npos);
  }
}

TEST_CASE("problems of references are not repeated as wrong types", "[config]") {
  const test::TempDir folder;
  const std::string text = test::user_error([&] {
    resolve_text(folder,
                 "task: classification\nmodel: resnet18\ndata: {format: idx}\ntrain: {epochs: \"${nothing}\"}\n");
  });
  CHECK(text.find('\n') == std::string::npos);
  CHECK(text.find("${nothing} refers to a key that does not exist") != std::string::npos);
}

}  // namespace
}  // namespace mlrun::config
