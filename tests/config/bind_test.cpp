#include "config/bind.h"

#include "fake_catalogue.h"
#include "support.h"

namespace mlrun::config {
namespace {

using test::fake_catalogue;

/// A recipe checked against the fake components.
struct Checked {
  Recipe recipe;
  Provenance provenance;
  std::vector<std::string> problems;
};

Checked check(const std::string& text, const std::string& file = "r.yaml") {
  Checked checked;
  std::vector<Problem> problems;
  const Node root = parse_yaml(text, file);
  bind_node(root, *spec_of<Recipe>(), fake_catalogue(), &checked.recipe, "", checked.provenance, problems);
  for (const auto& problem : problems) checked.problems.push_back(problem.text());
  return checked;
}

const std::string kSound = "task: classification\nmodel: resnet18\ndata: {root: photos, format: idx}\n";

/// The only problem of `kSound` with `more` behind it (from line 4).
std::string problem(const std::string& more) {
  const auto problems = check(kSound + more).problems;
  REQUIRE(problems.size() == 1);
  return problems.front();
}

TEST_CASE("a minimal recipe binds, and all else has its default", "[config]") {
  const auto checked = check(kSound);
  REQUIRE(checked.problems.empty());
  const Recipe& r = checked.recipe;
  CHECK(r.task.kind.name == "classification");
  CHECK(r.model.architecture.name == "resnet18");
  CHECK(r.data.source.name == "idx");
  CHECK(r.optimizer.method.name == "sgd");
  CHECK(r.optimizer.method.as<test::SgdOptions>().lr == 0.1);
  CHECK(r.schedule.curve.name == "constant");
  CHECK(r.train.epochs == 10);
  CHECK(checked.provenance.at("model.name").text() == "r.yaml:2:8");
  CHECK(checked.provenance.at("optimizer.name").text() == "default");
  CHECK(checked.provenance.at("optimizer.lr").text() == "default");
  CHECK(checked.provenance.at("train.checkpoint.keep").text() == "default");
}

TEST_CASE("every kind of value reaches its member", "[config]") {
  const auto checked = check(kSound +
                             "train: {epochs: 5, batch_size: 5k, clip_grad_norm: 1e-1, evaluate: 25 %,\n"
                             "        threads: null, select: val/acc1, checkpoint: {every: 500 steps}}\n"
                             "optimizer: {name: adam, lr: .5, betas: [0.5, 0.75]}\n"
                             "schedule: cosine\n"
                             "expect:\n"
                             "  - {metric: test/acc1, value: 92, when: {samples: 10000}}\n");
  REQUIRE(checked.problems.empty());
  const Recipe& r = checked.recipe;
  CHECK(r.train.epochs == 5);
  CHECK(r.train.batch_size == 5000);
  CHECK(r.train.clip_grad_norm == 0.1);
  CHECK(r.train.evaluate.unit == Span::Unit::Percent);
  CHECK_FALSE(r.train.threads.has_value());
  CHECK(r.train.select == "val/acc1");
  CHECK(r.train.checkpoint.every.value == 500);
  CHECK(r.optimizer.method.as<test::AdamOptions>().lr == 0.5);
  CHECK(r.optimizer.method.as<test::AdamOptions>().betas == std::vector<double>{0.5, 0.75});
  CHECK(r.schedule.curve.name == "cosine");
  REQUIRE(r.expect.size() == 1);
  CHECK(r.expect[0].value == 92.0);
  CHECK(r.expect[0].when.samples == 10000);
  CHECK(checked.provenance.at("expect.0.when.samples").text() == "r.yaml:9:52");
}

TEST_CASE("components in a list are names or maps, and one of them is a list of one", "[config]") {
  const auto one = check("task: classification\nmodel: resnet18\ndata: {format: idx, augment: classification_train}\n");
  REQUIRE(one.problems.empty());
  REQUIRE(one.recipe.data.augment.size() == 1);
  CHECK(one.recipe.data.augment[0].name == "classification_train");
  const auto map =
      check("task: classification\nmodel: resnet18\ndata:\n  format: idx\n  augment: {name: resize, size: 64}\n");
  REQUIRE(map.problems.empty());
  REQUIRE(map.recipe.data.augment.size() == 1);
  CHECK(map.recipe.data.augment[0].as<test::ResizeOptions>().size == 64);
  CHECK(map.provenance.at("data.augment.0.size").text() == "r.yaml:5:33");
  const auto several = check(
      "task: classification\nmodel: resnet18\ndata:\n  format: idx\n  augment: [flip, {name: resize, size: 64}]\n"
      "  preprocess: []\n");
  REQUIRE(several.problems.empty());
  REQUIRE(several.recipe.data.augment.size() == 2);
  CHECK(several.recipe.data.augment[1].as<test::ResizeOptions>().size == 64);
  CHECK(several.recipe.data.preprocess.empty());
  CHECK(several.provenance.at("data.augment.1.size").text() == "r.yaml:5:40");
}

TEST_CASE("what is wrong with a component that stands for a list is told as of its only item", "[config]") {
  const auto wrong = [](const std::string& augment) {
    return check("task: classification\nmodel: resnet18\ndata:\n  format: idx\n  augment: " + augment + "\n").problems;
  };
  CHECK(
      wrong("{name: resize, size: 0}") ==
      std::vector<std::string>{"r.yaml:5:33: data.augment.0.size: expected an integer of at least 1 (pixels), got 0"});
  CHECK(wrong("{size: 8}").size() == 1);
  CHECK(wrong("{size: 8}").front().rfind("r.yaml:5:12: data.augment.0.name: required, but missing", 0) == 0);
  CHECK(wrong("{name: resize, sise: 8}").front().find("data.augment.0.s") != std::string::npos);
}

TEST_CASE("paths become absolute, relative to the file that names them", "[config]") {
  const auto root = [](const std::string& value, const std::string& file) {
    return check("task: classification\nmodel: resnet18\ndata: {format: idx, root: " + value + "}\n", file)
        .recipe.data.root;
  };
  CHECK(root("photos", "/recipes/a/r.yaml") == "/recipes/a/photos");
  CHECK(root("../photos/", "/recipes/a/r.yaml") == "/recipes/photos");
  CHECK(root("/photos", "/recipes/a/r.yaml") == "/photos");
  CHECK(root("/", "/recipes/a/r.yaml") == "/");
  CHECK(root("photos", "r.yaml") == std::filesystem::current_path() / "photos");
  CHECK(root("photos", "command line") == std::filesystem::current_path() / "photos");
  CHECK(root("\"\"", "/recipes/a/r.yaml").empty());
}

TEST_CASE("booleans are true and false alone", "[config]") {
  CHECK(check(kSound + "optimizer: {nesterov: true, momentum: 0.9}\n").problems.empty());
  CHECK(problem("optimizer: {nesterov: yes}\n") ==
        "r.yaml:4:23: optimizer.nesterov: expected true or false, got \"yes\"; write true");
  CHECK(problem("optimizer: {nesterov: off}\n") ==
        "r.yaml:4:23: optimizer.nesterov: expected true or false, got \"off\"; write false");
  CHECK(problem("optimizer: {nesterov: \"true\"}\n") ==
        "r.yaml:4:23: optimizer.nesterov: expected true or false, got the string \"true\"; remove the quotes");
  CHECK(problem("optimizer: {nesterov: 1}\n") ==
        "r.yaml:4:23: optimizer.nesterov: expected true or false, got 1; write true");
}

TEST_CASE("integers are decimal digits with a sign, and may end in k, M or G", "[config]") {
  const auto epochs = [](const std::string& text) { return check(kSound + "train: {epochs: " + text + "}\n"); };
  CHECK(epochs("+7").recipe.train.epochs == 7);
  CHECK(epochs("5M").recipe.train.epochs == 5'000'000);
  CHECK(epochs("2G").recipe.train.epochs == 2'000'000'000);
  CHECK(epochs("9223372036854775807").recipe.train.epochs == 9223372036854775807);
  const std::string expected = "r.yaml:4:17: train.epochs: expected an integer of at least 1, got ";
  CHECK(epochs("1e3").problems == std::vector<std::string>{expected + "1e3; write 1000"});
  CHECK(epochs("2.0").problems == std::vector<std::string>{expected + "2.0; write 2"});
  CHECK(epochs("1.5").problems == std::vector<std::string>{expected + "1.5"});
  CHECK(epochs("1_000").problems == std::vector<std::string>{expected + "\"1_000\""});
  CHECK(epochs("0x10").problems == std::vector<std::string>{expected + "\"0x10\""});
  CHECK(epochs("k").problems == std::vector<std::string>{expected + "\"k\""});
  const std::string range = "; integers lie between -9223372036854775808 and 9223372036854775807";
  CHECK(epochs("9223372036854775808").problems == std::vector<std::string>{expected + "9223372036854775808" + range});
  CHECK(epochs("9223372036854775807k").problems ==
        std::vector<std::string>{expected + "\"9223372036854775807k\"" + range});
}

TEST_CASE("numbers are finite decimals", "[config]") {
  const auto rate = [](const std::string& text) {
    const auto checked = check(kSound + "optimizer: {lr: " + text + "}\n");
    REQUIRE(checked.problems.empty());
    return checked.recipe.optimizer.method.as<test::SgdOptions>().lr;
  };
  CHECK(rate("1e-3") == 1e-3);
  CHECK(rate(".5") == 0.5);
  CHECK(rate("+2.") == 2);
  CHECK(rate("3") == 3);
  const std::string expected = "r.yaml:4:17: optimizer.lr: expected a number above 0, got ";
  CHECK(problem("optimizer: {lr: .inf}\n") == expected + "\".inf\"; it must be finite");
  CHECK(problem("optimizer: {lr: nan}\n") == expected + "\"nan\"; it must be finite");
  CHECK(problem("optimizer: {lr: 1e999}\n") == expected + "1e999; it does not fit into a double");
  CHECK(problem("optimizer: {lr: \"0.1\"}\n") == expected + "the string \"0.1\"; remove the quotes");
  CHECK(problem("optimizer: {lr: [0.1]}\n") == expected + "a list");
}

TEST_CASE("bounds are inclusive or exclusive as declared", "[config]") {
  CHECK(check(kSound + "optimizer: {momentum: 0}\n").problems.empty());
  CHECK(problem("optimizer: {momentum: 1}\n") ==
        "r.yaml:4:23: optimizer.momentum: expected a number of at least 0 and below 1, got 1");
  CHECK(problem("optimizer: {lr: 0}\n") == "r.yaml:4:17: optimizer.lr: expected a number above 0, got 0");
  CHECK(check(kSound + "train: {workers: 256}\n").problems.empty());
  CHECK(problem("train: {workers: 257}\n") ==
        "r.yaml:4:18: train.workers: expected an integer from 0 to 256 or null, got 257");
}

TEST_CASE("a string must be quoted where it looks like something else", "[config]") {
  CHECK(check(kSound + "train: {select: \"1\"}\n").recipe.train.select == "1");
  CHECK(check(kSound + "train: {select: yes}\n").recipe.train.select == "yes");
  CHECK(problem("train: {device: 0}\n") == "r.yaml:4:17: train.device: expected a string, got 0; quote it: \"0\"");
}

TEST_CASE("spans need their unit", "[config]") {
  const std::string expected =
      "r.yaml:4:19: train.evaluate: expected a length as `5 epochs`, `500 steps`, `25 %` or `7.8 s`, got ";
  CHECK(problem("train: {evaluate: 5}\n") == expected + "5; write `5 epochs` or `5 steps`");
  CHECK(problem("train: {evaluate: 5 weeks}\n") == expected + "\"5 weeks\"");
  CHECK(problem("schedule: {name: cosine, restarts: [5 epochs, 9]}\n") ==
        "r.yaml:4:47: schedule.restarts.1: expected a length as `5 epochs`, `500 steps`, `25 %` or `7.8 s`, got 9; "
        "write `9 epochs` or `9 steps`");
}

TEST_CASE("lists have their length, and their items are checked one by one", "[config]") {
  CHECK(problem("optimizer: {name: adam, betas: [0.9]}\n") ==
        "r.yaml:4:32: optimizer.betas: expected a list of 2 numbers of at least 0 and below 1, got a list of 1");
  CHECK(problem("optimizer: {name: adam, betas: 0.9}\n") ==
        "r.yaml:4:32: optimizer.betas: expected a list of 2 numbers of at least 0 and below 1, got 0.9");
  const auto both = check(kSound + "optimizer: {name: adam, betas: [x, 2]}\n").problems;
  CHECK(both == std::vector<std::string>{
                    "r.yaml:4:33: optimizer.betas.0: expected a number of at least 0 and below 1, got \"x\"",
                    "r.yaml:4:36: optimizer.betas.1: expected a number of at least 0 and below 1, got 2"});
}

TEST_CASE("an unknown key is answered with the nearest one, here or elsewhere", "[config]") {
  CHECK(problem("train: {epoch: 1}\n") == "r.yaml:4:9: train.epoch: unknown key; did you mean epochs?");
  CHECK(problem("optimizer: {batch_size: 1}\n") ==
        "r.yaml:4:13: optimizer.batch_size: unknown key; did you mean train.batch_size?");
  CHECK(problem("lr: 1\n") == "r.yaml:4:1: lr: unknown key; did you mean optimizer.lr?");
  CHECK(problem("optimizer: {warmupp: 1}\n") ==
        "r.yaml:4:13: optimizer.warmupp: unknown key; did you mean schedule.warmup?");
  CHECK(problem("schedule: {quux: 1}\n") ==
        "r.yaml:4:12: schedule.quux: unknown key; known keys: name, warmup, warmup_method, warmup_factor, interval, "
        "noise, models");
}

TEST_CASE("an option of another component is named as such", "[config]") {
  CHECK(problem("optimizer: {name: adam, nesterov: true}\n") ==
        "r.yaml:4:25: optimizer.nesterov: 'nesterov' is an option of optimizer sgd, but optimizer.name is adam");
  CHECK(problem("optimizer: {betas: [0, 0]}\n") ==
        "r.yaml:4:13: optimizer.betas: 'betas' is an option of optimizer adam, adamw, lamb, but optimizer.name is sgd "
        "by default");
}

TEST_CASE("an unknown component is answered with the nearest ones", "[config]") {
  CHECK(problem("optimizer: adan\n") ==
        "r.yaml:4:12: optimizer.name: unknown optimizer \"adan\"; did you mean adam? `mlrun list optimizers` "
        "shows "
        "all");
  CHECK(problem("schedule: {name: zigzag}\n") ==
        "r.yaml:4:18: schedule.name: unknown schedule \"zigzag\"; known: constant, step, cosine");
  CHECK(problem("optimizer: {name: [sgd]}\n") ==
        "r.yaml:4:19: optimizer.name: expected the name of an optimizer, got a list");
}

TEST_CASE("under an unknown name, options of any component pass", "[config]") {
  const auto problems = check(kSound + "optimizer: {name: zigzag, nesterov: true, foo: 1}\n").problems;
  REQUIRE(problems.size() == 2);
  CHECK(problems[1] == "r.yaml:4:43: optimizer.foo: unknown key");
}

TEST_CASE("what is required and missing is reported at its section", "[config]") {
  const auto problems = check("task: classification\ndata:\n  root: photos\n").problems;
  CHECK(problems ==
        std::vector<std::string>{
            "r.yaml:1:1: model: required, but missing; add `model:`, the network",
            "r.yaml:3:3: data.format: required, but missing; expected the name of a source; known: idx, image_folder, "
            "synthetic"});
  CHECK(problem("expect: [{value: 3}]\n") == "r.yaml:4:10: expect.0.metric: required, but missing; expected a string");
}

TEST_CASE("a rule is checked once the values that it needs are sound", "[config]") {
  CHECK(problem("optimizer: {nesterov: true}\n") == "r.yaml:4:23: optimizer.nesterov: needs a momentum above 0");
  CHECK(problem("optimizer: {nesterov: true, momentum: x}\n") ==
        "r.yaml:4:39: optimizer.momentum: expected a number of at least 0 and below 1, got \"x\"");
  CHECK(problem("train: {batch_size: 5, accumulate: 2}\n") ==
        "r.yaml:4:36: train.accumulate: must divide train.batch_size");
}

TEST_CASE("sections must be maps, and lists lists", "[config]") {
  CHECK(problem("train: 5\n") == "r.yaml:4:8: train: expected a map, got 5");
  CHECK(problem("optimizer: [sgd]\n") == "r.yaml:4:12: optimizer: expected a string or a map, got a list");
  CHECK(problem("expect: {metric: a, value: 1}\n") ==
        "r.yaml:4:9: expect: expected a list of maps, got a map; start it with `- `");
  CHECK(problem("expect: [5]\n") == "r.yaml:4:10: expect.0: expected a map, got 5");
  CHECK(check("- 1\n").problems == std::vector<std::string>{"r.yaml:1:1: expected a map, got a list"});
}

TEST_CASE("an empty section is an absent one", "[config]") {
  const auto checked = check(kSound + "train:\noptimizer:\nexpect:\n");
  CHECK(checked.problems.empty());
  CHECK(checked.recipe.train.epochs == 10);
  CHECK(checked.recipe.optimizer.method.name == "sgd");
}

TEST_CASE("null is a value only where it is declared to be", "[config]") {
  CHECK(check(kSound + "train: {workers: null}\n").problems.empty());
  CHECK(problem("train: {epochs: null}\n") == "r.yaml:4:17: train.epochs: expected an integer of at least 1, got null");
}

TEST_CASE("what a user wrote is repeated in short and printable", "[config]") {
  const std::string text = problem("train: {epochs: \"a\\tb\\u0007" + std::string(200, 'x') + "\"}\n");
  CHECK(text == "r.yaml:4:17: train.epochs: expected an integer of at least 1, got \"a\\tb\\x07" +
                    std::string(56, 'x') + "...\"");
}

TEST_CASE("all problems are found at once", "[config]") {
  const auto problems = check(
                            "task: classify\nmodel: {name: resnet18, small_stem: 2}\ndata: {format: idx}\n"
                            "train: {epochs: 0, batch: 1}\n")
                            .problems;
  CHECK(problems.size() == 4);
}

TEST_CASE("an error that names a key alone is given the key's place", "[config]") {
  const Provenance provenance = {{"train.amp", {"r.yaml", 3, 9}},
                                 {"train.device", {}},
                                 {"averaging.name", {}},
                                 {"averaging.start", {"a.yaml", 1, 2}}};
  const auto text = [&](const Problem& problem) {
    return std::string(placed(UserError({problem}, ExitCode::Unmet), provenance).what());
  };
  CHECK(text({"", 0, 0, "train.amp", "wrong", "mend it"}) == "r.yaml:3:9: train.amp: wrong; mend it");
  CHECK(text({"", 0, 0, "averaging", "wrong", ""}) == "a.yaml:1:2: averaging: wrong");
  CHECK(text({"", 0, 0, "train.device", "wrong", ""}) == "train.device: wrong");
  CHECK(text({"", 0, 0, "train.absent", "wrong", ""}) == "train.absent: wrong");
  CHECK(text({"", 0, 0, "", "wrong", ""}) == "wrong");
  CHECK(text({"b.yaml", 5, 0, "train.amp", "wrong", ""}) == "b.yaml:5: train.amp: wrong");
  CHECK(placed(UserError({{}}, ExitCode::Unmet), provenance).code() == ExitCode::Unmet);
}

}  // namespace
}  // namespace mlrun::config
