#include <chrono>
#include <functional>

#include "config/bind.h"
#include "fake_catalogue.h"
#include "support.h"

namespace mlrun::config {
namespace {

double seconds_of(const std::function<void()>& action) {
  const auto begin = std::chrono::steady_clock::now();
  action();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

std::string list_of(std::size_t count, const std::string& item) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += (i == 0 ? "" : ",") + item;
  return "[" + text + "]";
}

std::string keys_of(std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += "k" + std::to_string(i) + ": 1\n";
  return text;
}

std::size_t problems_of(const test::TempDir& folder, const std::string& text) {
  LayerRequest request;
  request.file = folder.write("recipe.yaml", text);
  try {
    resolve(request, test::fake_catalogue());
  } catch (const UserError& error) {
    return error.problems().size();
  }
  return 0;
}

TEST_CASE("a recipe on one line is read in linear time", "[config]") {
  const std::string item(90, 'x');
  const double few = seconds_of([&] { parse_yaml("a: " + list_of(5'000, item), "r.yaml"); });
  CHECK(seconds_of([&] { parse_yaml("a: " + list_of(40'000, item), "r.yaml"); }) < 24 * few + 0.5);
  CHECK(parse_yaml("a: [é, b,\n c, d]\n", "r.yaml").find("a")->items[1].origin.text() == "r.yaml:1:8");
  CHECK(parse_yaml("a: [é, b,\n c, d]\n", "r.yaml").find("a")->items[3].origin.text() == "r.yaml:2:5");
}

TEST_CASE("a recipe of mistakes alone is told of at once", "[config]") {
  const test::TempDir folder;
  const std::string sound = "task: classification\nmodel: resnet18\ndata: {root: photos, format: idx}\n";
  std::size_t found = 0;
  CHECK(seconds_of([&] { found = problems_of(folder, sound + keys_of(9'000)); }) < 10);
  CHECK(found == 9'000);
  CHECK(seconds_of([&] {
          found = problems_of(folder, sound + "train: {seed: 0}\nx: " + list_of(30'000, "\"${train.sead}\"") + "\n");
        }) < 10);
  CHECK(found >= 1000);
  CHECK(found <= 1001);
}

TEST_CASE("a map of more keys than any recipe has is refused", "[config]") {
  CHECK(test::user_error([] { parse_yaml(keys_of(10'001), "r.yaml"); }) ==
        "r.yaml:10001:1: k10000: a map has more than 10000 keys; is this the right file?");
  CHECK(parse_yaml(keys_of(10'000), "r.yaml").entries.size() == 10'000);
}

}  // namespace
}  // namespace mlrun::config
