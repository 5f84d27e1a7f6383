#include "apps/run_mlrun.h"
#include "apps/tiny_run.h"

namespace mlrun::test {
namespace {

using Words = std::vector<std::string>;

Words show(const Words& words) {
  Words all = {"config", "show", "--json"};
  all.insert(all.end(), words.begin(), words.end());
  return all;
}

/// A folder with the recipe `tiny.yaml`, also under the name `odd=name.yaml`.
struct Folder : TempDir {
  Folder() {
    write("tiny.yaml", kTinyRecipe);
    write("train.seed=9", kTinyRecipe);
  }

  std::vector<Outcome> shown(const std::vector<Words>& lines) const {
    std::vector<Invocation> invocations;
    for (const auto& line : lines) invocations.push_back({show(line), path(), {}});
    return run_all(invocations);
  }
};

TEST_CASE("Recipe and overrides stand in any order, and the later override wins", "[apps]") {
  const Folder folder;
  const std::vector<Words> lines = {
      {"tiny.yaml", "--seed", "3", "train.seed=4"},
      {"tiny.yaml", "train.seed=4", "--seed", "3"},
      {"train.seed=5", "-c", "tiny.yaml"},
      {"--set", "train.seed=6", "train.epochs=7", "tiny.yaml"},
      {"-c", "tiny.yaml", "train.seed=1", "--set", "train.seed=2"},
      {"--seed=8", "train.epochs=9", "tiny.yaml", "--set", "train.epochs=11", "train.epochs=12", "--seed", "10"},
      {"tiny.yaml", "--device", "cpu", "--threads", "2", "--workers", "3"},
  };
  const auto outcomes = folder.shown(lines);
  std::vector<Json> recipes;
  for (const auto& outcome : outcomes) {
    CHECK(outcome.code == 0);
    recipes.push_back(result_of(outcome, "config show", "ok").at("recipe").at("train"));
  }
  const std::vector<int> seeds = {4, 3, 5, 6, 2, 10, 0};
  for (std::size_t i = 0; i < seeds.size(); ++i) {
    INFO("line " << i);
    CHECK(recipes[i].at("seed") == seeds[i]);
  }
  CHECK(recipes[3].at("epochs") == 7);
  CHECK(recipes[5].at("epochs") == 12);
  CHECK(recipes[6].at("device") == "cpu");
  CHECK(recipes[6].at("threads") == 2);
  CHECK(recipes[6].at("workers") == 3);
}

TEST_CASE("A recipe is a file or the name of a shipped one", "[apps]") {
  const Folder folder;
  const auto outcomes = folder.shown({{"quickstart"},
                                      {"classification/fashion_mnist", "data.root=somewhere"},
                                      {"-c", "quickstart"},
                                      {"train.seed=9"}});
  for (const auto& outcome : outcomes) CHECK(outcome.code == 0);
  CHECK(outcomes[0].json().at("result").at("name") == "quickstart");
  CHECK(outcomes[1].json().at("result").at("recipe").at("train").at("epochs") == 12);
  CHECK(outcomes[2].out == outcomes[0].out);
  CHECK(outcomes[3].json().at("result").at("recipe").at("train").at("seed") == 0);  // a file of that name
}

TEST_CASE("$MLRUN_CONFIGS names a folder of recipes", "[apps]") {
  const TempDir folder;
  folder.write("own/tiny.yaml", kTinyRecipe);
  const Outcome outcome = run({show({"own/tiny"}), "/", {{"MLRUN_CONFIGS", folder.path().string()}}});
  CHECK(outcome.code == 0);
  CHECK(result_of(outcome, "config show", "ok").at("recipe").at("data").at("num_classes") == 5);
}

TEST_CASE("Operands and overrides that make no sense are refused", "[apps]") {
  const Folder folder;
  const std::vector<Invocation> invocations = {
      {{"config", "check", "tiny.yaml", "quickstart"}, folder.path(), {}},
      {{"train", "-c", "tiny.yaml", "quickstart"}, folder.path(), {}},
      {{"config", "check"}, folder.path(), {}},
      {{"train"}, folder.path(), {}},
      {{"config", "check", "quikstart"}, folder.path(), {}},
      {{"config", "check", "tiny.yaml", "train.sed=1"}, folder.path(), {}},
      {{"config", "check", "tiny.yaml", "--set", "train.seed"}, folder.path(), {}},
      {{"config", "check", "tiny.yaml", "--seed", "three"}, folder.path(), {}},
  };
  const std::vector<std::string> texts = {
      "more than one recipe: tiny.yaml and quickstart",
      "more than one recipe: tiny.yaml and quickstart",
      "no recipe is named; name a file, or one of `mlrun list recipes`",
      "no recipe is named; name a file, or one of `mlrun list recipes`",
      "there is no recipe 'quikstart', neither as a file nor among the shipped ones; did you mean quickstart?",
      "command line: train.sed: unknown key; did you mean seed?",
      "'train.seed' has no '='; write key=value, as train.epochs=5",
      "command line: train.seed: ",
  };
  const auto outcomes = run_all(invocations);
  for (std::size_t i = 0; i < outcomes.size(); ++i)
    CHECK_THAT(refusal(outcomes[i]), Catch::Matchers::ContainsSubstring(texts[i]));
}

}  // namespace
}  // namespace mlrun::test
