#include "config/layers.h"

#include <stdlib.h>

#include <algorithm>

#include "config/node_text.h"
#include "config/recipe.h"
#include "support.h"

namespace mlrun::config {
namespace {

using test::node_text;
using test::TempDir;
using test::user_error;

struct SgdOptions {
  double lr = 0.1;
  double momentum = 0;
  static void declare(Declare<SgdOptions>& d) {
    d("lr", &SgdOptions::lr, "learning rate");
    d("momentum", &SgdOptions::momentum, "momentum");
  }
};

/// A component with a component of its own inside.
struct NetOptions {
  Component norm;
  std::int64_t width = 8;
  static void declare(Declare<NetOptions>& d) {
    d("norm", &NetOptions::norm, "normalisation").component("norm");
    d("width", &NetOptions::width, "channels");
  }
};

using Kind = Factory<int()>;

struct Kinds {
  Kind optimizer{"optimizer"}, schedule{"schedule"}, model{"model"}, norm{"norm"}, task{"task"};
  Catalogue catalogue;
  Kinds() {
    const auto none = [](const auto&) { return 0; };
    optimizer.add<SgdOptions>("sgd", "", none);
    optimizer.add<SgdOptions>("adamw", "", none);
    schedule.add<NoOptions>("constant", "", none);
    schedule.add<NoOptions>("cosine", "", none);
    model.add<NetOptions>("net", "", none);
    norm.add<SgdOptions>("batch", "", none);
    task.add<NoOptions>("classification", "", none);
    task.add<NoOptions>("detection", "", none);
    for (const Kind* kind : {&optimizer, &schedule, &model, &norm, &task}) catalogue.add(*kind);
  }
};

Layered layered(const LayerRequest& request) {
  static const Kinds kinds;
  static const auto spec = spec_of<Recipe>();
  return read_layers(request, *spec, kinds.catalogue);
}

/// The merged tree of overrides alone, which must have no problems.
std::string overridden(const std::vector<std::string>& texts) {
  LayerRequest request;
  for (const auto& text : texts) request.overrides.push_back(parse_override(text));
  const Layered result = layered(request);
  for (const auto& problem : result.problems) UNSCOPED_INFO(problem.text());
  CHECK(result.problems.empty());
  return node_text(result.root);
}

/// All problems, one on each line, with the folder's name taken out.
std::string problems(const Layered& result, const TempDir& folder) {
  std::string text;
  for (const auto& problem : result.problems) text += problem.text() + "\n";
  const std::string prefix = folder.path().string() + "/";
  for (auto at = text.find(prefix); at != std::string::npos; at = text.find(prefix)) text.erase(at, prefix.size());
  return text;
}

/// A folder with `r.yaml`, read with overrides.
struct Files : TempDir {
  Layered read(const std::string& recipe, const std::vector<std::string>& texts = {}) const {
    LayerRequest request;
    request.file = write("r.yaml", recipe);
    for (const auto& text : texts) request.overrides.push_back(parse_override(text));
    return layered(request);
  }
  std::string tree(const std::string& recipe, const std::vector<std::string>& texts = {}) const {
    const Layered result = read(recipe, texts);
    CHECK(problems(result, *this) == "");
    return node_text(result.root);
  }
  std::string broken(const std::string& recipe, const std::vector<std::string>& texts = {}) const {
    return problems(read(recipe, texts), *this);
  }
};

TEST_CASE("later layers win: maps merge, lists replace, null removes", "[config]") {
  const Files files;
  files.write("a.yaml", "train: {epochs: 1, seed: 1, select: x}\nexpect: [1, 2]\nmodel: {layers: [1, 2]}\n");
  files.write("b.yaml", "train: {seed: 2, select: ~}\nexpect: [3]\n");
  CHECK(files.tree("extends: [a.yaml, b]\ntrain: {device: cpu}\n") ==
        "{train: {epochs: 1, seed: 2, device: cpu}, expect: [3], model: {layers: [1, 2]}}");
  CHECK(files.tree("extends: a.yaml\nmodel: null\nexpect: ~\n") == "{train: {epochs: 1, seed: 1, select: x}}");
  CHECK(files.tree("extends: ~\ntrain: {select: null}\n") == "{train: {select: null}}");
  CHECK(files.tree("extends: []\n") == "{}");
}

TEST_CASE("origins tell the layer, and paths stay relative to the file that names them", "[config]") {
  const Files files;
  files.write("sub/base.yaml", "extends: ../root.yaml\ntrain:\n  epochs: 5\n  seed: 1\n");
  files.write("root.yaml", "train: {epochs: 3}\ndata: {root: here}\n");
  const Layered result = files.read("extends: sub/base.yaml\ntrain:\n  seed: 2\n", {"train.device=cpu"});
  const Node& train = *result.root.find("train");
  CHECK(train.find("epochs")->origin.text() == (files / "sub/base.yaml").string() + ":3:11");
  CHECK(train.find("seed")->origin.text() == (files / "r.yaml").string() + ":3:9");
  CHECK(train.find("device")->origin.text() == "command line");
  CHECK(result.root.find("data")->find("root")->origin.text() == (files / "root.yaml").string() + ":2:14");
  CHECK(result.root.origin.file == (files / "r.yaml").string());
}

TEST_CASE("a bare string stands for its map", "[config]") {
  const Files files;
  CHECK(files.tree("optimizer: adamw\ndata: photos\nmodel: {name: net, norm: batch}\n") ==
        "{optimizer: {name: adamw}, data: {root: photos}, model: {name: net, norm: {name: batch}}}");
  files.write("base.yaml", "optimizer: adamw\ndata: {root: a, format: idx}\n");
  CHECK(files.tree("extends: base\noptimizer: {lr: 1}\ndata: b\n") ==
        "{optimizer: {name: adamw, lr: 1}, data: {root: b, format: idx}}");
}

TEST_CASE("a changed name discards the component's settings from lower layers", "[config]") {
  const Files files;
  const std::string base = (files / "base.yaml").string();
  const std::string top = (files / "r.yaml").string();
  files.write("base.yaml", "schedule: {name: cosine, floor: 0.1, warmup: 1 epoch}\noptimizer: {lr: 0.5}\n");
  const Layered result = files.read("extends: base\nschedule: {name: constant, gamma: 2}\noptimizer: adamw\n");
  CHECK(node_text(result.root) == "{schedule: {name: constant, warmup: 1 epoch, gamma: 2}, optimizer: {name: adamw}}");
  CHECK(result.notes ==
        std::vector<std::string>{"schedule.floor of " + base + ":1:26 is discarded: schedule.name is constant in " +
                                     top + ":2:18, no longer cosine",
                                 "optimizer.lr of " + base + ":2:13 is discarded: optimizer.name is adamw in " + top +
                                     ":3:12, no longer sgd"});
}

TEST_CASE("the same name keeps the settings", "[config]") {
  const Files files;
  files.write("base.yaml", "optimizer: {name: sgd, lr: 0.5}\nmodel: {width: 4}\n");
  const Layered same = files.read("extends: base\noptimizer: sgd\nmodel: net\n");
  CHECK(node_text(same.root) == "{optimizer: {name: sgd, lr: 0.5}, model: {width: 4, name: net}}");
  CHECK(same.notes.empty());
  files.write("base.yaml", "optimizer: {lr: 0.5}\n");  // sgd is the default
  CHECK(files.tree("extends: base\noptimizer: {name: sgd}\n") == "{optimizer: {lr: 0.5, name: sgd}}");
  files.write("base.yaml", "optimizer: {name: adamw, lr: 0.5}\n");
  CHECK(files.tree("extends: base\noptimizer: {name: null, momentum: 1}\n") == "{optimizer: {momentum: 1}}");
}

TEST_CASE("a component inside a component", "[config]") {
  const Files files;
  files.write("base.yaml", "model: {name: net, norm: {name: layer, eps: 1}, width: 2}\n");
  CHECK(files.tree("extends: base\nmodel: {norm: batch}\n") == "{model: {name: net, norm: {name: batch}, width: 2}}");
  CHECK(files.tree("extends: base\nmodel: {norm: {eps: 2}}\n") ==
        "{model: {name: net, norm: {name: layer, eps: 2}, width: 2}}");
}

TEST_CASE("overrides set values of every kind", "[config]") {
  CHECK(overridden({"train.epochs=3", "train.evaluate=2 epochs", "data.root=/a/b: c #d", "train.select='5'"}) ==
        "{train: {epochs: 3, evaluate: 2 epochs, select: \"5\"}, data: {root: /a/b: c #d}}");
  CHECK(overridden({"model.layers=[1, 2]", "data.augment=none", "optimizer={name: adamw, lr: 1e-3}"}) ==
        "{model: {layers: [1, 2]}, data: {augment: none}, optimizer: {name: adamw, lr: 1e-3}}");
  CHECK(overridden({"train.select=null", "train.threads=", "train.workers=~"}) ==
        "{train: {select: null, threads: null, workers: null}}");
  CHECK(overridden({"optimizer=adamw", "optimizer.lr=1", "train.seed=1", "train.seed= 2 "}) ==
        "{optimizer: {name: adamw, lr: 1}, train: {seed: 2}}");
  CHECK(overridden({"data.root=a=b"}) == "{data: {root: a=b}}");
}

TEST_CASE("overrides are one layer: their order does not discard them", "[config]") {
  const Files files;
  const std::string recipe = "optimizer: {name: sgd, lr: 0.5, momentum: 1}\n";
  CHECK(files.tree(recipe, {"optimizer.lr=1", "optimizer.name=adamw"}) == "{optimizer: {name: adamw, lr: 1}}");
  CHECK(files.tree(recipe, {"optimizer.name=adamw", "optimizer.lr=1"}) == "{optimizer: {name: adamw, lr: 1}}");
  CHECK(files.tree(recipe, {"optimizer=adamw"}) == "{optimizer: {name: adamw}}");
  CHECK(files.tree(recipe, {"optimizer.momentum=null"}) == "{optimizer: {name: sgd, lr: 0.5}}");
}

TEST_CASE("overrides reach into lists", "[config]") {
  const Files files;
  const std::string recipe =
      "data: {augment: [flip, {name: crop, p: 0.1}]}\nexpect:\n- {metric: a, value: 1}\nmodel: {layers: [1, 2]}\n";
  CHECK(
      files.tree(recipe,
                 {"expect.0.tolerance=1", "data.augment.1.p=0.2", "data.augment.0.p=0.5", "model.layers.1=9"}) ==
      "{data: {augment: [{name: flip, p: 0.5}, {name: crop, p: 0.2}]}, expect: [{metric: a, value: 1, tolerance: 1}], "
      "model: {layers: [1, 9]}}");
  CHECK(files.tree(recipe, {"data.augment.1.name=blur", "expect.0=null"}) ==
        "{data: {augment: [flip, {name: blur}]}, expect: [], model: {layers: [1, 2]}}");
  CHECK(
      files.broken(recipe, {"expect.1.value=1", "data.augment.9=x", "data.augment.x=1",
                            "model.layers.99999999999999999999=1", "data.preprocess.0.p=1"}) ==
      "command line: expect.1.value: there is no item '1' in expect; its items are 0 to 0\n"
      "command line: data.augment.9: there is no item '9' in data.augment; its items are 0 to 1\n"
      "command line: data.augment.x: there is no item 'x' in data.augment; its items are 0 to 1\n"
      "command line: model.layers.99999999999999999999: there is no item '99999999999999999999' in model.layers; its "
      "items are 0 to 1\n"
      "command line: data.preprocess.0.p: data.preprocess has no items; give the whole list: data.preprocess=[...]\n");
  CHECK(files.tree("data: {augment: {name: crop, p: 0.1}}\n", {"data.augment.p=0.2"}) ==
        "{data: {augment: {name: crop, p: 0.2}}}");
  CHECK(files.tree("data: {augment: {name: crop, p: 0.1}}\n", {"data.augment.0.p=0.2"}) ==
        "{data: {augment: [{name: crop, p: 0.2}]}}");
  CHECK(files.broken("data: {augment: standard}\n", {"data.augment.0.p=1"}) ==
        "command line: data.augment.0.p: data.augment is no list in r.yaml:1:17; give the whole list: "
        "data.augment=[...]\n");
  CHECK(files.broken("expect: []\n", {"expect.0.value=1"}) ==
        "command line: expect.0.value: there is no item '0' in expect; the list is empty\n");
}

TEST_CASE("broken overrides", "[config]") {
  const std::string grammar = "; write key=value, as train.epochs=5";
  CHECK(user_error([] { parse_override("train.epochs"); }) == "'train.epochs' has no '='" + grammar);
  CHECK(user_error([] { parse_override("=5"); }) == "'' is no option's name" + grammar);
  CHECK(user_error([] { parse_override("train..lr=5"); }) == "'train..lr' is no option's name" + grammar);
  CHECK(user_error([] { parse_override("train.=5"); }) == "'train.' is no option's name" + grammar);
  CHECK(user_error([] { parse_override("a b=5"); }) == "'a b' is no option's name" + grammar);
  CHECK(user_error([] { parse_override("x[0]=5"); }) == "'x[0]' is no option's name" + grammar);
  const Files files;
  CHECK(
      files.broken("task: t\n", {"train.seed=010", "model.layers=[1, 2", "optimizer={lr: 1, lr: 2}", "data.root=\"x",
                                 "data.root='a' b", "extends=other.yaml", "data.root=\x1B[0m"}) ==
      "command line: train.seed: the number 010 has leading zeros, which YAML versions read differently; remove them, "
      "or quote the value where text is meant\n"
      "command line: model.layers: a key must be plain text; write 'key: value', and close every bracket\n"
      "command line: optimizer: is given twice, first at 1:2; keep one of them\n"
      "command line: data.root: a quoted text is not closed; close the quotes\n"
      "command line: data.root: this does not belong to what stands above it; check the indentation; a file holds one "
      "map\n"
      "command line: extends: cannot be set on the command line; name the other recipe instead\n"
      "command line: data.root: holds the control byte 0x1B\n");
}

TEST_CASE("references keep the type of a whole value and splice into texts", "[config]") {
  const Files files;
  CHECK(files.tree("train: {epochs: 5, select: \"7\"}\nschedule:\n  steps: ${train.epochs}\n  text: ${train.select}\n"
                   "  warmup: ${train.epochs} epochs\n  quoted: [\"${train.epochs}\", \"$${x} ${train.select}\"]\n") ==
        "{train: {epochs: 5, select: \"7\"}, schedule: {steps: 5, text: \"7\", warmup: 5 epochs, quoted: [5, \"${x} "
        "7\"]}}");
  CHECK(files.tree("data: {augment: [{name: a}, b], preprocess: \"${data.augment}\"}\nmodel: {x: "
                   "\"${data.augment.0.name}\"}\n") ==
        "{data: {augment: [{name: a}, b], preprocess: [{name: a}, b]}, model: {x: a}}");
}

TEST_CASE("references see overrides, shorthands and what other references give", "[config]") {
  const Files files;
  CHECK(files.tree("train: {epochs: 5}\nschedule: {steps: \"${train.epochs}\"}\n", {"train.epochs=9"}) ==
        "{train: {epochs: 9}, schedule: {steps: 9}}");
  CHECK(files.tree("optimizer: adamw\nmodel: {x: \"${optimizer.name}\"}\n") ==
        "{optimizer: {name: adamw}, model: {x: adamw}}");
  CHECK(files.tree("a: ${b.x.y}\nb: ${c}\nc:\n  x:\n    y: ${d}\nd: 1\n") ==
        "{a: 1, b: {x: {y: 1}}, c: {x: {y: 1}}, d: 1}");
  CHECK(overridden({"a=${b}", "b=4"}) == "{a: 4, b: 4}");
}

TEST_CASE("references to the environment", "[config]") {
  const Files files;
  ::setenv("MLRUN_TEST_NUMBER", "12", 1);
  ::setenv("MLRUN_TEST_TRICK", "${a} $${b}", 1);
  ::setenv("MLRUN_TEST_BYTES", "\xFF", 1);
  ::unsetenv("MLRUN_TEST_UNSET");
  CHECK(files.tree("a: ${env:MLRUN_TEST_NUMBER}\nb: '${env:MLRUN_TEST_NUMBER}'\nc: x/${env:MLRUN_TEST_NUMBER}/y\n"
                   "d: ${env:MLRUN_TEST_TRICK}\ne: ${d}\n") ==
        "{a: 12, b: \"12\", c: x/12/y, d: ${a} $${b}, e: ${a} $${b}}");
  CHECK(files.broken("a: ${env:MLRUN_TEST_UNSET}\nb: ${env:MLRUN_TEST_BYTES}\nc: ${env:}\n") ==
        "r.yaml:1:4: a: the environment variable MLRUN_TEST_UNSET is not set; set it, or write the value out\n"
        "r.yaml:2:4: b: the environment variable MLRUN_TEST_BYTES is not UTF-8 text: byte 0xFF\n"
        "r.yaml:3:4: c: the environment variable  is not set; set it, or write the value out\n");
}

TEST_CASE("broken references are told together", "[config]") {
  const Files files;
  CHECK(
      files.broken(
          "train: {seed: 1, select: ~}\na: ${trian.seed}\nb: ${train.epochs}\nc: ${optimizer.lr}\nd: ${nothing}\n"
          "e: ${\nf: ${}\ng: x${train}\nh: x${train.select}\ni: ${train.seed.x}\n") ==
      "r.yaml:2:4: a: ${trian.seed} refers to a key that does not exist; did you mean train.seed?\n"
      "r.yaml:3:4: b: ${train.epochs} refers to an option that the recipe does not set; set train.epochs too\n"
      "r.yaml:4:4: c: ${optimizer.lr} refers to an option that the recipe does not set; set optimizer.lr too\n"
      "r.yaml:5:4: d: ${nothing} refers to a key that does not exist\n"
      "r.yaml:6:4: e: the reference ${ is not closed; write ${key.path} or ${env:NAME}; $${ stands for a literal ${\n"
      "r.yaml:7:4: f: the reference ${} names nothing; write ${key.path} or ${env:NAME}; $${ stands for a literal ${\n"
      "r.yaml:8:4: g: ${train} is a map and cannot stand inside a text; refer to a single value\n"
      "r.yaml:9:4: h: ${train.select} is null and cannot stand inside a text; refer to a single value\n"
      "r.yaml:10:4: i: ${train.seed.x} refers to a key that does not exist; did you mean train.seed, train.select?\n");
}

TEST_CASE("cycles of references name the chain", "[config]") {
  const Files files;
  const std::string hint = "; write one of the values out\n";
  CHECK(files.broken("a: ${b}\nb: x${c}\nc: ${a}\n") ==
        "r.yaml:3:4: c: the reference leads back to itself: a -> b -> c -> a" + hint);
  CHECK(files.broken("a: ${a}\n") == "r.yaml:1:4: a: the reference leads back to itself: a -> a" + hint);
  CHECK(files.broken("a:\n  b: ${a}\n") == "r.yaml:2:6: a.b: the reference leads back to itself: a -> a.b -> a" + hint);
  CHECK(files.broken("a: {b: \"${c}\"}\nc: {d: \"${a.b}\"}\n") ==
        "r.yaml:2:8: c.d: the reference leads back to itself: a.b -> c -> c.d -> a.b" + hint);
}

TEST_CASE("references cannot blow up", "[config]") {
  const Files files;
  std::string maps = "k0: [x, x, x, x, x, x, x, x, x, x]\n", texts = "k0: xxxxxxxxxx\n", chain = "k0: x\n";
  for (int i = 1; i < 40; ++i) {
    const std::string before = "${k" + std::to_string(i - 1) + "}";
    std::string all = before, list = "\"" + before + "\"";
    for (int j = 0; j < 9; ++j) all += before, list += ", \"" + before + "\"";
    maps += "k" + std::to_string(i) + ": [" + list + "]\n";
    texts += "k" + std::to_string(i) + ": " + all + "\n";
  }
  const std::string hint = " the references expand to more than 100000 values; use fewer or smaller ones\n";
  CHECK(files.broken(maps) == "r.yaml:5:69: k4.7:" + hint);
  CHECK(files.broken(texts).find(hint) != std::string::npos);
  for (int i = 1; i <= 5000; ++i) chain = "k" + std::to_string(i) + ": ${k" + std::to_string(i - 1) + "}\n" + chain;
  const std::string message = files.broken(chain);
  CHECK(message == "r.yaml:199:8: k4802: the references form too long a chain; refer to the value itself\n");
}

TEST_CASE("a section cannot be added to a reference", "[config]") {
  const Files files;
  CHECK(files.broken("optimizer: ${x}\nx: {name: sgd}\n", {"optimizer.lr=1"}) ==
        "command line: optimizer: adds to the reference ${x} of " +
            (files / "r.yaml").string().substr(files.path().string().size() + 1) +
            ":1:12; change what it refers to, or write the whole section here\n");
}

TEST_CASE("cycles and missing files of extends", "[config]") {
  const Files files;
  files.write("a.yaml", "train: {seed: 1}\nextends: b\n");
  files.write("b.yaml", "extends: [r.yaml]\n");
  files.write("bases/small.yaml", "task: t\n");
  CHECK(files.broken("extends: a.yaml\n") ==
        "b.yaml:1:11: extends: the recipe extends itself: r.yaml -> a.yaml -> b.yaml -> r.yaml; remove one of the "
        "links\n");
  CHECK(files.broken("extends: ./r.yaml\n") ==
        "r.yaml:1:10: extends: the recipe extends itself: r.yaml -> r.yaml; remove one of the links\n");
  CHECK(files.broken(
            "extends:\n- bases/smal.yaml\n- smalll\n- bases\n- {a: 1}\n- ''\n- nowhere/at_all.yaml\ntask: ${x}\n") ==
        "r.yaml:5:3: extends: must be a file or a list of files; write extends: base.yaml\n"
        "r.yaml:6:3: extends: must be a file or a list of files; write extends: base.yaml\n"
        "r.yaml:2:3: extends: there is no file 'bases/smal.yaml'; did you mean bases/small?\n"
        "r.yaml:3:3: extends: there is no file 'smalll'; did you mean bases/small?\n"
        "r.yaml:4:3: extends: there is no file 'bases'\n"
        "r.yaml:7:3: extends: there is no file 'nowhere/at_all.yaml'\n"
        "r.yaml:8:7: task: ${x} refers to a key that does not exist\n");
}

TEST_CASE("files that extend too much", "[config]") {
  const Files files;
  files.write("k0.yaml", "task: t\n");
  for (int i = 1; i < 20; ++i) {
    const std::string before = "k" + std::to_string(i - 1);
    files.write("k" + std::to_string(i) + ".yaml", "extends: [" + before + ", " + before + "]\n");
  }
  const std::string message = files.broken("extends: k19\n");
  CHECK(message.find(": extends: the recipe extends more than 256 files; extend fewer\n") != std::string::npos);
  CHECK(std::count(message.begin(), message.end(), '\n') == 1);
}

TEST_CASE("shipped recipes can be extended by name", "[config]") {
  const Files files;
  files.write("shipped/classification/base.yaml", "train: {seed: 4}\n");
  LayerRequest request;
  request.file = files.write("own/r.yaml", "extends: classification/base\n");
  CHECK(problems(layered(request), files) == "own/r.yaml:1:10: extends: there is no file 'own/classification/base'\n");
  request.recipe_folders = {files / "shipped"};
  const Layered result = layered(request);
  CHECK(problems(result, files) == "");
  CHECK(node_text(result.root) == "{train: {seed: 4}}");
}

TEST_CASE("files that are no recipe end at once", "[config]") {
  const Files files;
  CHECK(
      user_error([&] { files.read("- a\n"); }) ==
      (files / "r.yaml").string() +
          ":1:1: a recipe must be a map of sections; begin with 'task: NAME', NAME being classification or detection");
  files.write("base.yaml", "a: [1\n");
  CHECK(user_error([&] { files.read("extends: base.yaml\n"); }) ==
        (files / "base.yaml").string() +
            ":1:4: a '[' is not closed; close it with ']' and separate its items with ','");
}

TEST_CASE("a text is read as the file that it is the content of", "[config]") {
  const Files files;
  files.write("base.yaml", "train: {seed: 1, epochs: 2}\n");
  const std::string text = "extends: base.yaml\ntrain: {seed: 5}\n";
  static const Kinds kinds;
  LayerRequest request;
  request.file = files / "absent.safetensors";
  request.overrides.push_back(parse_override("train.epochs=7"));
  const auto read = [&](const std::string& content) {
    return read_layers(content, request, *spec_of<Recipe>(), kinds.catalogue);
  };
  CHECK(node_text(read(text).root) == "{train: {seed: 5, epochs: 7}}");
  CHECK(user_error([&] { read("- a\n"); }).find(request.file.string() + ":1:1: a recipe must be a map") == 0);
}

TEST_CASE("recipes are found by path and by name", "[config]") {
  const Files files;
  const auto folder = files / "configs";
  files.write("configs/classification/fashion_mnist.yaml", "");
  files.write("configs/detection/coco.yml", "");
  files.write("configs/classification/readme.md", "");
  const auto own = files.write("own.yaml", "");
  const auto find = [&](const std::string& name) { return find_recipe(name, {files / "absent", folder}); };
  CHECK(find(own.string()) == own);
  CHECK(find("classification/fashion_mnist") == folder / "classification/fashion_mnist.yaml");
  CHECK(find("classification/fashion_mnist.yaml") == folder / "classification/fashion_mnist.yaml");
  CHECK(find("detection/coco") == folder / "detection/coco.yml");
  const auto missing = [&](const std::string& name) { return user_error([&] { find(name); }); };
  const auto message = [](const std::string& name) {
    return "there is no recipe '" + name + "', neither as a file nor among the shipped ones; ";
  };
  CHECK(missing("clasification/fashion_mnits") ==
        message("clasification/fashion_mnits") + "did you mean classification/fashion_mnist?");
  CHECK(missing("fashion_mnist.yaml") == message("fashion_mnist.yaml") + "did you mean classification/fashion_mnist?");
  CHECK(missing("imagenet") == message("imagenet") + "`mlrun list recipes` shows the shipped ones");
  CHECK(missing("classification") == message("classification") + "`mlrun list recipes` shows the shipped ones");
  CHECK(missing("") == message("") + "`mlrun list recipes` shows the shipped ones");
}

}  // namespace
}  // namespace mlrun::config
