// The house rules of CONTRIBUTING.md ("Floors") as a test: reads the include graph of the sources.

#include <algorithm>
#include <fstream>
#include <regex>

#include "support.h"

using mlrun::test::source_root;
using mlrun::test::TempDir;

namespace fs = std::filesystem;

namespace {

using Strings = std::vector<std::string>;

/// From the ground up: each floor uses itself and those before it. The rooms of the engine lie one above another, too.
const Strings kFloors = {"lib/base",           "lib/config",       "lib/report",
                         "lib/data",           "lib/nn",           "lib/models",
                         "lib/weights",        "lib/dist",         "lib/optim",
                         "lib/metrics",        "lib/engine",       "lib/engine/run",
                         "lib/engine/average", "lib/engine/train", "lib/engine/apply",
                         "lib/engine/report",  "lib/engine/sweep", "lib/quant",
                         "lib/deploy",         "recipes",          "apps"};
const Strings kTorchFree = {"lib/base", "lib/config", "lib/report"};
/// Headers that stand in base for the floors above it.
const Strings kForTorchFloors = {"lib/base/torch_compat.h", "lib/base/precompiled.h"};
const Strings kTorchPrefixes = {"torch/", "ATen/", "c10/", "caffe2/"};
/// All of torch::nn and torch::optim: a source that sees them takes four times as long to compile.
const Strings kWholeTorch = {"torch/torch.h", "torch/all.h", "torch/nn.h", "torch/optim.h", "torch/extension.h"};
const Strings kSourceOnlyPrefixes = {"spdlog/", "fmt/", "yaml-cpp/", "CLI/", "opencv2/", "curl/"};

struct Include {
  std::string file;  ///< the including file, from the root of the tree
  int line = 0;
  std::string name;    ///< as written
  std::string target;  ///< the file meant, from the root of the tree; empty for one outside it

  std::string text(const std::string& what) const {
    return file + ":" + std::to_string(line) + " includes " + name + ": " + what;
  }
};

bool contains(const Strings& items, const std::string& item) {
  return std::find(items.begin(), items.end(), item) != items.end();
}

bool starts_with_one_of(const std::string& text, const Strings& prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(), [&](const auto& prefix) { return text.rfind(prefix, 0) == 0; });
}

/// The floor, or the folder where that is none.
std::string floor_of(const std::string& file) {
  const std::string folder = fs::path(file).parent_path();
  if (contains(kFloors, folder)) return folder;
  const auto first = file.find('/');
  const std::string top = file.substr(0, first);
  return top == "lib" ? file.substr(0, file.find('/', first + 1)) : top;
}

/// -1 for a folder that is no floor.
int height(const std::string& file) {
  const auto place = std::find(kFloors.begin(), kFloors.end(), floor_of(file));
  return place == kFloors.end() ? -1 : static_cast<int>(place - kFloors.begin());
}

/// The file of the tree that `name` means in `file`, as the build's include paths find it.
std::string resolve(const fs::path& root, const std::string& file, const std::string& name) {
  for (const fs::path& folder : {fs::path(file).parent_path(), fs::path("lib"), fs::path()}) {
    const fs::path candidate = (folder / name).lexically_normal();
    if (fs::exists(root / candidate) || fs::exists(root / (candidate.string() + ".in"))) return candidate.string();
  }
  return "";
}

void read_includes(const fs::path& root, const std::string& file, std::vector<Include>& out) {
  static const std::regex pattern(R"(^\s*#\s*include\s*[<"]([^>"]+)[>"].*)");
  std::ifstream stream(root / file);
  std::string text;
  std::smatch match;
  for (int line = 1; std::getline(stream, text); ++line) {
    if (std::regex_match(text, match, pattern)) out.push_back({file, line, match[1], resolve(root, file, match[1])});
  }
}

/// Every C++ file below the folders, from the root of the tree.
Strings sources(const fs::path& root, const Strings& folders) {
  Strings files;
  for (const auto& folder : folders) {
    if (!fs::exists(root / folder)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
      const auto extension = entry.path().extension();
      if (extension == ".h" || extension == ".cpp") files.push_back(entry.path().lexically_relative(root).string());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<Include> includes(const fs::path& root, const Strings& folders) {
  std::vector<Include> out;
  for (const auto& file : sources(root, folders)) read_includes(root, file, out);
  return out;
}

Strings unknown_floors(const fs::path& root) {
  Strings problems;
  for (const auto& file : sources(root, {"lib", "recipes", "apps"})) {
    if (height(file) < 0) problems.push_back(file + ": lies in no known floor; add it to kFloors and CONTRIBUTING.md");
  }
  return problems;
}

Strings upward_includes(const fs::path& root) {
  Strings problems;
  for (const auto& include : includes(root, {"lib", "recipes", "apps"})) {
    if (height(include.target) > height(include.file)) problems.push_back(include.text("a higher floor"));
  }
  return problems;
}

Strings torch_below(const fs::path& root) {
  Strings problems;
  for (const auto& include : includes(root, kTorchFree)) {
    if (contains(kForTorchFloors, include.file)) continue;
    if (starts_with_one_of(include.name, kTorchPrefixes)) problems.push_back(include.text("no LibTorch here"));
    if (contains(kForTorchFloors, include.target)) problems.push_back(include.text("it brings LibTorch"));
  }
  return problems;
}

/// The tests of the floors without LibTorch link none of it.
Strings torch_in_tests(const fs::path& root) {
  Strings problems;
  for (const auto& include : includes(root, {"tests/base", "tests/config", "tests/report"})) {
    const bool above = height(include.target) >= height("lib/data/x");
    if (above || starts_with_one_of(include.name, kTorchPrefixes)) problems.push_back(include.text("no LibTorch here"));
  }
  return problems;
}

Strings whole_torch(const fs::path& root) {
  Strings problems;
  for (const auto& include : includes(root, {"lib", "recipes", "apps", "tests"})) {
    if (!contains(kWholeTorch, include.name)) continue;
    problems.push_back(include.text("take <torch/types.h>, <torch/utils.h> or the header of the module"));
  }
  return problems;
}

Strings heavy_headers(const fs::path& root) {
  Strings problems;
  for (const auto& include : includes(root, {"lib", "recipes", "apps"})) {
    if (fs::path(include.file).extension() != ".h") continue;
    if (starts_with_one_of(include.name, kSourceOnlyPrefixes)) problems.push_back(include.text("only in .cpp files"));
  }
  return problems;
}

/// Lines of lib that name a task: the engine knows none. The names of models and their parts are theirs.
Strings named_tasks(const fs::path& root) {
  static const std::regex name("classif", std::regex::icase);
  Strings problems;
  for (const auto& file : sources(root, {"lib"})) {
    if (floor_of(file) == "lib/models" || file == "lib/nn/versions.cpp") continue;  // which names upstream's classes
    std::ifstream stream(root / file);
    std::string text;
    for (int line = 1; std::getline(stream, text); ++line) {
      if (std::regex_search(text, name)) problems.push_back(file + ":" + std::to_string(line) + ": names a task");
    }
    if (std::regex_search(file, name)) problems.push_back(file + ": is named after a task");
  }
  return problems;
}

/// `recipes/NAME` of a file of a task; empty for the files of recipes itself and of other floors.
std::string task_of(const std::string& file) {
  const auto first = file.find('/'), second = file.find('/', first + 1);
  return file.rfind("recipes/", 0) == 0 && second != std::string::npos ? file.substr(0, second) : "";
}

Strings tasks_meeting(const fs::path& root) {
  Strings problems;
  for (const auto& include : includes(root, {"recipes"})) {
    const std::string from = task_of(include.file), to = task_of(include.target);
    if (!from.empty() && !to.empty() && from != to) {
      problems.push_back(include.text("another task; what both need belongs into lib"));
    }
  }
  return problems;
}

/// Lines of lib that ask the recipe's task for anything: its options are its own, `kind` makes it. That `answer` is the
/// section of those that no training depends on is known of every task.
Strings task_options_read(const fs::path& root) {
  static const std::regex reading("\\btask\\.kind\\.options\\b|\"task\\.(?!name\\b|answer\\b)[a-z]");
  Strings problems;
  for (const auto& file : sources(root, {"lib"})) {
    std::ifstream stream(root / file);
    std::string text;
    for (int line = 1; std::getline(stream, text); ++line) {
      if (std::regex_search(text, reading)) {
        problems.push_back(file + ":" + std::to_string(line) + ": reads an option of a task");
      }
    }
  }
  return problems;
}

}  // namespace

TEST_CASE("the sources were found", "[floors]") {
  // Guards the tests below against reading an empty tree.
  CHECK(sources(source_root(), {"lib"}).size() > 20);
  CHECK(includes(source_root(), {"lib"}).size() > 50);
}

TEST_CASE("every folder of lib is a floor", "[floors]") { CHECK(unknown_floors(source_root()) == Strings{}); }

TEST_CASE("a lower floor never includes a higher one", "[floors]") {
  CHECK(upward_includes(source_root()) == Strings{});
}

TEST_CASE("base, config, report and their tests include no LibTorch", "[floors]") {
  CHECK(torch_below(source_root()) == Strings{});
  CHECK(torch_in_tests(source_root()) == Strings{});
}

TEST_CASE("LibTorch is included in parts", "[floors]") { CHECK(whole_torch(source_root()) == Strings{}); }

TEST_CASE("spdlog, yaml-cpp, CLI11 and OpenCV stay out of headers", "[floors]") {
  CHECK(heavy_headers(source_root()) == Strings{});
}

TEST_CASE("lib names no task and reads no task's options", "[floors]") {
  CHECK(named_tasks(source_root()) == Strings{});
  CHECK(task_options_read(source_root()) == Strings{});
}

TEST_CASE("a task includes no other task", "[floors]") { CHECK(tasks_meeting(source_root()) == Strings{}); }

TEST_CASE("breaches between lib and tasks are found and named", "[floors]") {
  const TempDir tree;
  tree.write("lib/engine/e.cpp", "int a;\nconst char* b = \"Classification\";\n");
  tree.write("lib/engine/classifier.h", "");
  tree.write("lib/models/m.cpp", "// classifier\n");
  tree.write("lib/data/d.cpp", "f(recipe.task.kind.options);\ng(\"task.loss\");\nh(recipe.task.kind);\n");
  tree.write("recipes/registry.cpp", "#include \"recipes/one/t.h\"\n#include \"recipes/two/t.h\"\n");
  tree.write("recipes/one/t.h", "#include \"recipes/two/t.h\"\n#include \"engine/classifier.h\"\n");
  tree.write("recipes/two/t.h", "#include \"u.h\"\n");
  tree.write("recipes/two/u.h", "");
  CHECK(named_tasks(tree.path()) ==
        Strings{"lib/engine/classifier.h: is named after a task", "lib/engine/e.cpp:2: names a task"});
  CHECK(tasks_meeting(tree.path()) ==
        Strings{"recipes/one/t.h:1 includes recipes/two/t.h: another task; what both need belongs into lib"});
  CHECK(task_options_read(tree.path()) ==
        Strings{"lib/data/d.cpp:1: reads an option of a task", "lib/data/d.cpp:2: reads an option of a task"});
}

TEST_CASE("breaches of the floors are found and named", "[floors]") {
  const TempDir tree;
  tree.write("lib/base/torch_compat.h", "#include <torch/torch.h>\n");
  tree.write("lib/base/a.h", "#pragma once\n#include \"config/b.h\"\n");
  tree.write("lib/config/b.h", "#include <yaml-cpp/yaml.h>\n#include \"base/torch_compat.h\"\n");
  tree.write("lib/report/t.cpp", "  #  include <ATen/ATen.h>  // indented\n#include \"base/a.h\"\n");
  tree.write("lib/engine/e.cpp", "#include \"recipes/classification/c.h\"\n#include \"nn/absent.h\"\n");
  tree.write("lib/engine/run/r.cpp", "#include \"engine/train/t.h\"\n#include \"engine/e.h\"\n");
  tree.write("lib/engine/train/t.h", "#include \"engine/run/deep/d.h\"\n");
  tree.write("lib/engine/run/deep/d.h", "");
  tree.write("recipes/classification/c.h", "#include \"engine/e.h\"\n#include \"d.h\"\n");
  tree.write("recipes/classification/d.h", "");
  tree.write("lib/attic/x.cpp", "");
  tree.write("tests/base/a_test.cpp", "#include \"nn/layer.h\"\n#include <c10/x.h>\n");
  tree.write("lib/nn/layer.h", "");

  CHECK(unknown_floors(tree.path()) ==
        Strings{"lib/attic/x.cpp: lies in no known floor; add it to kFloors and CONTRIBUTING.md"});
  CHECK(upward_includes(tree.path()) ==
        Strings{"lib/base/a.h:2 includes config/b.h: a higher floor",
                "lib/engine/e.cpp:1 includes recipes/classification/c.h: a higher floor",
                "lib/engine/run/r.cpp:1 includes engine/train/t.h: a higher floor"});
  CHECK(torch_below(tree.path()) == Strings{"lib/config/b.h:2 includes base/torch_compat.h: it brings LibTorch",
                                            "lib/report/t.cpp:1 includes ATen/ATen.h: no LibTorch here"});
  CHECK(whole_torch(tree.path()) == Strings{"lib/base/torch_compat.h:1 includes torch/torch.h: take <torch/types.h>, "
                                            "<torch/utils.h> or the header of the module"});
  CHECK(torch_in_tests(tree.path()) == Strings{"tests/base/a_test.cpp:1 includes nn/layer.h: no LibTorch here",
                                               "tests/base/a_test.cpp:2 includes c10/x.h: no LibTorch here"});
  CHECK(heavy_headers(tree.path()) == Strings{"lib/config/b.h:1 includes yaml-cpp/yaml.h: only in .cpp files"});
}
