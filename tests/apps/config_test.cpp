#include <fstream>

#include "apps/run_mlrun.h"
#include "apps/tiny_run.h"
#include "base/files.h"

namespace mlrun::test {
namespace {

namespace fs = std::filesystem;

TEST_CASE("What `config show --plain` prints is the same recipe again", "[apps]") {
  const TempDir folder;
  const auto first = run_all({{{"config", "show", "quickstart", "--plain", "train.seed=7"}, folder.path(), {}},
                              {{"config", "show", "quickstart", "--json", "train.seed=7"}, folder.path(), {}}});
  REQUIRE(first[0].code == 0);
  CHECK(first[0].err.empty());
  CHECK_FALSE(contains(first[0].out, "#"));
  folder.write("x.yaml", first[0].out);
  const auto again = run_all({{{"config", "check", "x.yaml"}, folder.path(), {}},
                              {{"config", "show", "x.yaml", "--json"}, folder.path(), {}},
                              {{"config", "show", "x.yaml", "--plain"}, folder.path(), {}}});
  CHECK(again[0].code == 0);
  CHECK(again[0].out == "x: the recipe is sound\n");
  const Json before = result_of(first[1], "config show", "ok").at("recipe");
  const Json after = result_of(again[1], "config show", "ok").at("recipe");
  CHECK(after == before);
  CHECK(after.at("train").at("seed") == 7);
  CHECK(again[2].out == first[0].out);
}

TEST_CASE("`config show` says where every value came from", "[apps]") {
  const TempDir folder;
  folder.write("base.yaml", kTinyRecipe);
  folder.write("own.yaml", "extends: base.yaml\ntrain:\n  epochs: 3\n");
  const auto outcomes = run_all({{{"config", "show", "own.yaml", "train.seed=4"}, folder.path(), {}},
                                 {{"config", "show", "own.yaml", "train.seed=4", "--json"}, folder.path(), {}}});
  CHECK(outcomes[0].code == 0);
  const Json result = result_of(outcomes[1], "config show", "ok");
  const Json& origins = result.at("provenance");
  CHECK(origins.at("train.seed") == "command line");
  CHECK_THAT(origins.at("train.epochs").get<std::string>(), Catch::Matchers::ContainsSubstring("own.yaml:3"));
  CHECK_THAT(origins.at("train.batch_size").get<std::string>(), Catch::Matchers::ContainsSubstring("base.yaml:13"));
  CHECK(origins.at("train.accumulate") == "default");
  for (const char* key : {"train.seed", "train.epochs", "train.batch_size", "train.accumulate"}) {
    const std::string origin = origins.at(key).get<std::string>();
    const std::string name = std::string(key).substr(6) + ": ";
    const std::string value = json_text(result.at("recipe").at("train").at(std::string(key).substr(6)));
    const auto at = outcomes[0].out.find("  " + name + value);
    INFO(outcomes[0].out);
    REQUIRE(at != std::string::npos);
    const std::string line = outcomes[0].out.substr(at, outcomes[0].out.find('\n', at) - at);
    CHECK_THAT(line, Catch::Matchers::EndsWith("# " + origin));
  }
}

TEST_CASE("`config check` looks at data and weights, and says what it left out", "[apps]") {
  const TempDir folder;
  folder.write("tiny.yaml", kTinyRecipe);
  folder.write("absent.yaml", "extends: tiny.yaml\ndata: {root: absent, format: image_folder}\n");
  const auto check = [&](const std::vector<std::string>& words) {
    std::vector<std::string> all = {"config", "check"};
    all.insert(all.end(), words.begin(), words.end());
    return Invocation{all, folder.path(), {}};
  };
  const auto outcomes = run_all({check({"tiny.yaml", "--json"}), check({"tiny.yaml", "model.num_classes=3"}),
                                 check({"absent.yaml"}), check({"absent.yaml", "--no-data"}),
                                 check({"absent.yaml", "--no-data", "--json", "schedule.warmup=3 steps"}),
                                 check({"tiny.yaml", "schedule.warmup=4 epochs"})});
  const Json sound = result_of(outcomes[0], "config check", "ok");
  CHECK(sound.at("samples") == 64);
  CHECK(sound.at("steps_per_epoch") == 8);
  CHECK(sound.at("not_looked_at") == Json::array());
  CHECK(refusal(outcomes[1]) ==
        "error: command line: model.num_classes: is 3 where the data have 5 classes; leave it out: the model gets as "
        "many outputs as the data have classes\n");
  CHECK(contains(refusal(outcomes[2]), "absent"));
  CHECK(outcomes[3].code == 0);
  CHECK(outcomes[3].out == "absent: the recipe is sound; not looked at: the data, their classes and samples\n");
  CHECK(result_of(outcomes[4], "config check", "ok").at("not_looked_at") ==
        Json{"the data, their classes and samples", "lengths in steps"});
  CHECK(outcomes[5].code == 0);
  CHECK(contains(outcomes[5].err, "warning: the warm-up (schedule.warmup: 4 epochs) takes up the whole training"));
}

TEST_CASE("`config show --plot-lr` draws the learning rate in text, JSON and SVG", "[apps]") {
  const TempDir folder;
  folder.write("r.yaml", std::string(kTinyRecipe) + "schedule: {name: step, step_size: 2, gamma: 0.5}\n");
  const std::vector<std::string> plot = {"config", "show", "r.yaml", "--plot-lr", "train.epochs=6", "optimizer.lr=1"};
  const auto with = [&](const std::vector<std::string>& more) {
    std::vector<std::string> words = plot;
    words.insert(words.end(), more.begin(), more.end());
    return Invocation{words, folder.path(), {}};
  };
  const auto outcomes = run_all({with({"--samples", "100", "train.batch_size=10"}),
                                 with({"--samples", "95", "train.batch_size=10", "--json"}),
                                 with({"curve.svg"}),
                                 {{"config", "show", "r.yaml", "--samples", "5"}, folder.path(), {}}});
  INFO(outcomes[0].out << outcomes[0].err);
  CHECK(outcomes[0].code == 0);
  CHECK(contains(outcomes[0].out, "6 epochs of 10 steps, learning rate 1 at first"));
  CHECK(contains(outcomes[0].out, "1.0 +****"));
  const Json rate = result_of(outcomes[1], "config show", "ok").at("learning_rate");
  CHECK(rate.at("steps_per_epoch") == 10);
  CHECK(rate.at("rates") == Json({1.0, 1.0, 0.5, 0.5, 0.25, 0.25}));
  CHECK(rate.at("assumption").is_null());
  CHECK(outcomes[2].out == "curve.svg\n");
  CHECK(contains(read_file(folder / "curve.svg"), "<svg"));
  CHECK(outcomes[3].code == 2);
}

TEST_CASE("All problems of a recipe come together, with their places", "[apps]") {
  const TempDir folder;
  folder.write("broken.yaml",
               "task: classification\nmodel: smal_cnn\ndata: {format: synthetic}\n"
               "train:\n  epochs: many\n  batch_sise: 4\n");
  const auto outcomes = run_all({{{"config", "check", "broken.yaml", "--json"}, folder.path(), {}},
                                 {{"train", "broken.yaml"}, folder.path(), {}}});
  CHECK(outcomes[0].code == 2);
  CHECK(result_of(outcomes[0], "config check", "error") == Json::object());
  const Json errors = outcomes[0].json().at("errors");
  REQUIRE(errors.size() == 3);
  const std::vector<std::pair<int, std::string>> places = {{2, "model"}, {5, "train.epochs"}, {6, "train.batch_sise"}};
  for (std::size_t i = 0; i < places.size(); ++i) {
    INFO(errors[i].dump());
    CHECK_THAT(errors[i].at("file").get<std::string>(), Catch::Matchers::EndsWith("broken.yaml"));
    CHECK(errors[i].at("line") == places[i].first);
    CHECK(errors[i].at("column").get<int>() > 0);
    CHECK_THAT(errors[i].at("key").get<std::string>(), Catch::Matchers::StartsWith(places[i].second));
    CHECK(errors[i].at("message").is_string());
  }
  CHECK(errors[2].at("hint") == "did you mean batch_size?");
  CHECK(outcomes[1].code == 2);
  CHECK(std::count(outcomes[1].err.begin(), outcomes[1].err.end(), '\n') == 3);
  CHECK_THAT(outcomes[1].err, Catch::Matchers::ContainsSubstring("broken.yaml:6:3: train.batch_sise: "));
  CHECK(listing(folder.path()) == std::vector<std::string>{"broken.yaml"});
}

TEST_CASE("`config schema` is a JSON Schema of the recipe's words", "[apps]") {
  const Outcome outcome = mlrun({"config", "schema"});
  CHECK(outcome.code == 0);
  CHECK(outcome.err.empty());
  const Json schema = outcome.json();
  CHECK_THAT(schema.at("$schema").get<std::string>(), Catch::Matchers::ContainsSubstring("draft-07"));
  for (const char* word : {"extends", "task", "model", "data", "train", "optimizer", "schedule", "expect"}) {
    CHECK(schema.at("properties").contains(word));
  }
}

TEST_CASE("`config reference` is the same page everywhere, and the committed one is current", "[apps]") {
  const auto outcomes = run_all({{{"config", "reference"}, "/", {{"LC_ALL", "C"}}}, {{"config", "reference"}}});
  CHECK(outcomes[0].code == 0);
  CHECK(outcomes[0].err.empty());
  CHECK(outcomes[0].out == outcomes[1].out);
  for (const char* key : {"batch_size", "random_resized_crop", "mobilenet_v3_large"}) {
    CHECK(contains(outcomes[0].out, key));
  }
  const fs::path committed = source_root() / "configs" / "REFERENCE.md";
  if (fs::exists(committed)) CHECK(read_file(committed) == outcomes[0].out);
}

TEST_CASE("`config copy` copies a shipped recipe and overwrites nothing", "[apps]") {
  const TempDir folder;
  fs::create_directory(folder / "sub");
  const Outcome copied = mlrun({"config", "copy", "classification/fashion_mnist"}, folder.path());
  CHECK(copied.code == 0);
  CHECK(copied.out == "fashion_mnist.yaml\n");
  const std::string original = read_file(source_root() / "configs" / "classification" / "fashion_mnist.yaml");
  CHECK(read_file(folder / "fashion_mnist.yaml") == original);

  folder.write("mine.yaml", "mine\n");
  const auto outcomes = run_all({{{"config", "copy", "quickstart", "mine.yaml"}, folder.path(), {}},
                                 {{"config", "copy", "quickstart", "sub"}, folder.path(), {}},
                                 {{"config", "copy", "quickstart", "no/such/folder.yaml"}, folder.path(), {}},
                                 {{"config", "copy", "quickstrat"}, folder.path(), {}}});
  CHECK(refusal(outcomes[0]) == "error: mine.yaml: exists already; choose another name\n");
  CHECK(read_file(folder / "mine.yaml") == "mine\n");
  CHECK(outcomes[1].out == "sub/quickstart.yaml\n");
  CHECK(fs::exists(folder / "sub" / "quickstart.yaml"));
  CHECK_THAT(refusal(outcomes[2]), Catch::Matchers::ContainsSubstring("no/such/folder.yaml: cannot be written"));
  CHECK_THAT(refusal(outcomes[3]), Catch::Matchers::ContainsSubstring("did you mean quickstart?"));
}

}  // namespace
}  // namespace mlrun::test
