#include <sstream>

#include "base/files.h"
#include "config/bind.h"
#include "fake_catalogue.h"
#include "support.h"

namespace mlrun::config {
namespace {

/// One case of tests/fixtures/config/broken_recipes.txt.
struct Broken {
  std::string name;
  std::vector<std::pair<std::string, std::string>> files;
  std::vector<std::string> overrides;
  std::string expected;
};

std::vector<Broken> read_cases() {
  std::vector<Broken> cases;
  std::istringstream lines(read_file(test::fixture("config/broken_recipes.txt")));
  bool expected = false;
  for (std::string line; std::getline(lines, line);) {
    const std::string mark = line.substr(0, 4);
    const std::string rest = line.size() > 4 ? line.substr(4) : "";
    if (mark == "=== ") {
      cases.push_back({rest, {{"recipe.yaml", ""}}, {}, ""});
      expected = false;
    } else if (cases.empty()) {
      continue;
    } else if (mark == "+++ ") {
      cases.back().files.emplace_back(rest, "");
    } else if (line.rfind("$ ", 0) == 0) {
      cases.back().overrides.push_back(line.substr(2));
    } else if (line == ">>>") {
      expected = true;
    } else if (expected) {
      cases.back().expected += line + "\n";
    } else {
      cases.back().files.back().second += line + "\n";
    }
  }
  return cases;
}

/// What is said of the recipe, without the folder that it happens to lie in.
std::string complaint(const Broken& broken) {
  const test::TempDir folder;
  for (const auto& [name, text] : broken.files) folder.write(name, text);
  std::string text = test::user_error([&] {
    LayerRequest request;
    request.file = folder / "recipe.yaml";
    for (const auto& set : broken.overrides) request.overrides.push_back(parse_override(set));
    resolve(request, test::fake_catalogue());
  });
  const std::string prefix = folder.path().string() + "/";
  for (auto at = text.find(prefix); at != std::string::npos; at = text.find(prefix)) text.erase(at, prefix.size());
  return text + "\n";
}

TEST_CASE("every broken recipe is answered with exactly what is wrong with it", "[config]") {
  const auto cases = read_cases();
  REQUIRE(cases.size() >= 60);
  for (const auto& broken : cases) {
    INFO(broken.name);
    REQUIRE_FALSE(broken.expected.empty());
    CHECK(complaint(broken) == broken.expected);
  }
}

TEST_CASE("binary content is refused with its place", "[config]") {
  const std::string junk("task: classification\nmodel: \x00\x01\x02\xff\n", 32);
  CHECK(complaint({"", {{"recipe.yaml", junk}}, {}, ""}) ==
        "recipe.yaml:2:8: holds the control byte 0x00; a recipe is a YAML text file in UTF-8\n");
  CHECK(complaint({"",
                   {{"recipe.yaml",
                     "\x7f"
                     "ELF\x02\x01\x01"}},
                   {},
                   ""}) == "recipe.yaml:1:1: holds the control byte 0x7F; a recipe is a YAML text file in UTF-8\n");
  CHECK(complaint({"", {{"recipe.yaml", "task: caf\xe9\n"}}, {}, ""}) ==
        "recipe.yaml:1:10: is not UTF-8 text: byte 0xE9; a recipe is a YAML text file in UTF-8\n");
}

TEST_CASE("a recipe that is not there is named", "[config]") {
  CHECK(complaint({}) == "recipe.yaml: there is no such file\n");
}

TEST_CASE("a folder is no recipe", "[config]") {
  CHECK(complaint({"", {{"recipe.yaml/inner.yaml", ""}}, {}, ""}) ==
        "recipe.yaml: is a folder; name a YAML file in it\n");
}

TEST_CASE("brackets without end are refused", "[config]") {
  CHECK(complaint({"", {{"recipe.yaml", "model: " + std::string(100'000, '[')}}, {}, ""}) ==
        "recipe.yaml:1:9: model.0: a key must be plain text; write 'key: value', and close every bracket\n");
}

TEST_CASE("a recipe needs no file where the command line says it all", "[config]") {
  LayerRequest request;
  for (const char* set :
       {"task=classification", "model=resnet18", "data.format=idx", "optimizer={name: adam, lr: 1}"}) {
    request.overrides.push_back(parse_override(set));
  }
  const auto resolved = resolve(request, test::fake_catalogue());
  CHECK(resolved.recipe.model.architecture.name == "resnet18");
  CHECK(resolved.provenance.at("optimizer.lr").text() == "command line");
  CHECK(resolved.name.empty());
}

}  // namespace
}  // namespace mlrun::config
