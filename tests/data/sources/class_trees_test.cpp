#include "data/sources/class_trees.h"

#include "logged.h"

namespace mlrun::data {
namespace {

/// The trees that a root with these files has, as `split: prefix class class`, and what is told or refused; the root's
/// path is left out.
struct Found {
  std::vector<std::string> trees;
  std::string told;
};

Found find_in(const std::vector<std::string>& files, bool all_are_classes = false) {
  const test::TempDir folder;
  for (const auto& file : files) folder.write(file, "");
  Found found;
  found.told = test::logged([&] {
    try {
      for (const auto& tree : find_class_trees(folder.path(), all_are_classes)) {
        std::string text = std::string(split_name(tree.split)) + ": " + tree.prefix;
        for (const auto& name : tree.folders) text += " " + name;
        found.trees.push_back(text);
      }
    } catch (const UserError& error) {
      log::error(error.what());
    }
  });
  const std::string root = folder.path().string();
  for (auto at = found.told.find(root); at != std::string::npos; at = found.told.find(root)) {
    found.told.replace(at, root.size(), "ROOT");
  }
  return found;
}

using Trees = std::vector<std::string>;

}  // namespace

TEST_CASE("splits are known by their usual names, in any case", "[data][image_folder]") {
  CHECK(find_in({"Training/a/1.jpg", "Training/b/1.jpg", "Testing/a/1.jpg"}).trees ==
        Trees{"train: Training/ a b", "test: Testing/ a"});
  for (const std::string val : {"valid", "validation", "Val", "dev"}) {
    CHECK(find_in({"train/a/1.jpg", val + "/a/1.jpg"}).trees == Trees{"train: train/ a", "val: " + val + "/ a"});
  }
  CHECK(find_in({"train/a/1.jpg", "train/b/1.jpg"}).trees == Trees{"train: train/ a b"});
  CHECK(find_in({"train/a/1.jpg", "val/a/1.jpg", "Valid/a/1.jpg"}).told ==
        "error ROOT: 'Valid' and 'val' both name the split val; leave one of them there, or name them train, val and "
        "test\n");
}

TEST_CASE("folders with such names that hold images are classes", "[data][image_folder]") {
  CHECK(find_in({"bus/1.jpg", "test/1.jpg", "train/1.jpg"}).trees == Trees{"train:  bus test train"});
  CHECK(find_in({"val/1.jpg", "test/1.jpg"}).trees == Trees{"train:  test val"});
  CHECK(find_in({"train/1.jpg"}).trees == Trees{"train:  train"});
  CHECK(find_in({"train/a/1.jpg", "test/a/1.jpg"}, /*all_are_classes=*/true).trees == Trees{"train:  test train"});
}

TEST_CASE("folders beside the splits are told, or refused where they look like one", "[data][image_folder]") {
  const Found found = find_in({"train/a/1.jpg", "train/b/1.jpg", "test/a/1.jpg", "docs/x.txt", "extra/c/1.jpg"});
  CHECK(found.trees == Trees{"train: train/ a b", "test: test/ a"});
  CHECK(found.told == "warning ROOT: 'docs', 'extra' are left out: beside the splits, not named as one\n");
  CHECK(find_in({"train/a/1.jpg", "test/a/1.jpg", "holdout/a/1.jpg"}).told ==
        "error ROOT/holdout: holds the same class folders as train, and is named as no split; name it val or test, or "
        "move it elsewhere, or set data.folders: classes where every folder of the root is a class\n");
}

TEST_CASE("a root without train, or whose folders all hold the same, is no root of classes", "[data][image_folder]") {
  CHECK(
      find_in({"val/a/1.jpg", "test/a/1.jpg"}).told ==
      "error ROOT: holds 'test', 'val' and no folder train; name the folder to learn from train, or set data.folders: "
      "classes where every folder of the root is a class\n");
  const std::vector<std::string> folds = {"f1/a/1.jpg", "f1/b/1.jpg", "f2/a/1.jpg", "f2/b/1.jpg", "f3/a/1.jpg",
                                          "f3/b/1.jpg", "f4/a/1.jpg", "f4/b/1.jpg", "f5/a/1.jpg", "f5/b/1.jpg"};
  CHECK(
      find_in(folds).told ==
      "error ROOT: its folders 'f1', 'f2', 'f3', 'f4' and 1 more all hold the same folders, 'a', 'b': are they splits, "
      "and those the classes?; name them train, val and test, or let data.root name one of them, or set data.folders: "
      "classes where every folder of the root is a class\n");
  CHECK(find_in({"train/a/1.jpg", "other/a/1.jpg"}).told.find("'other', 'train' all hold the same folders") !=
        std::string::npos);
  CHECK(find_in(folds, /*all_are_classes=*/true).trees == Trees{"train:  f1 f2 f3 f4 f5"});
  CHECK(find_in({"cat/front/1.jpg", "cat/back/1.jpg", "dog/front/1.jpg"}).trees == Trees{"train:  cat dog"});
  CHECK(find_in({"cat/front/1.jpg"}).trees == Trees{"train:  cat"});
}

TEST_CASE("a test split without labels is left out and told", "[data][image_folder]") {
  const Found found = find_in({"train/a/1.jpg", "test/1.jpg", "test/2.png", "test/.hidden.jpg", "test/list.txt"});
  CHECK(found.trees == Trees{"train: train/ a"});
  CHECK(found.told ==
        "warning ROOT/test: its 2 images lie in no class folders, so they have no labels and are left out; "
        "`mlrun predict RUN ROOT/test` says what they show\n");
  CHECK(find_in({"train/a/1.jpg", "my test/1.jpg", "test/1.jpg"}).told.find("warning ROOT: 'my test' is left out") !=
        std::string::npos);
  CHECK(find_in({"train/a/1.jpg", "val/1.jpg"}).told ==
        "error ROOT/val: holds no class folders; put each class's images into a folder with its name\n");
  CHECK(find_in({"train/a/1.jpg", "test/list.txt"}).told.find("ROOT/test: holds no class folders") !=
        std::string::npos);
}

}  // namespace mlrun::data
