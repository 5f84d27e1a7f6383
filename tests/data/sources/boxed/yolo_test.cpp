#ifdef MLRUN_WITH_OPENCV

#include "data/sources/boxed/yolo.h"

#include <torch/types.h>
#include <torch/utils.h>

#include "data/boxes.h"
#include "data/sources/boxed/boxed_images.h"
#include "support.h"

namespace mlrun::data {
namespace {

using test::user_error;

struct YoloFolder : test::TempDir {
  YoloFolder() {
    for (const char* name : {"train/a", "train/b", "val/c"}) {
      write(std::string("images/") + name + ".png", test::blank_png(20, 10));
    }
    write("labels/train/a.txt", "1 0.5 0.5 0.2 0.4\n0 0.1 0.2 0.3 0.4 0.2 0.8\n\n");
    write("labels/val/c.txt", "0 0.5 0.5 1 1\r\n");
    names("names: [cat, dog]\nnc: 2\ntrain: images/train\nval: images/val\n");
  }
  void names(const std::string& text) const { write("data.yaml", text); }
  std::shared_ptr<const Dataset> open() const { return open_yolo(options, {path(), {}}); }
  std::string error() const {
    return user_error([&] { open(); });
  }
  /// What `text` as labels of the first image are refused with, from the line on.
  std::string refused(const std::string& text) const {
    write("labels/train/a.txt", text);
    const std::string found = error(), place = (*this / "labels/train/a.txt").string() + ":";
    INFO(found);
    REQUIRE(found.substr(0, place.size()) == place);
    return found.substr(place.size());
  }
  /// What `text` as data.yaml is refused with.
  std::string refused_names(const std::string& text) const {
    names(text);
    const std::string found = error(), place = (*this / "data.yaml").string();
    INFO(found);
    REQUIRE(found.substr(0, place.size()) == place);
    return found.substr(place.size());
  }

  YoloOptions options;
};

}  // namespace

TEST_CASE("label files of YOLO's become boxes in pixels", "[data][boxes]") {
  const YoloFolder folder;
  const auto data = folder.open();
  CHECK(data->info().classes == std::vector<std::string>{"cat", "dog"});
  REQUIRE(data->split(Split::Train)->size() == 2);
  REQUIRE(data->split(Split::Val)->size() == 1);
  const Fields targets = test::targets_at(*data, Split::Train, 0);
  CHECK(targets.tensor("boxes").allclose(torch::tensor({{8.0F, 3.0F, 12.0F, 7.0F}, {2.0F, 2.0F, 6.0F, 8.0F}})));
  CHECK(targets.tensor("labels").equal(torch::tensor({1, 0}, torch::kLong)));
  CHECK(targets.tensor("area")[0].item<double>() == Approx(16));
  CHECK(test::targets_at(*data, Split::Train, 1).tensor("boxes").sizes() == torch::IntArrayRef({0, 4}));
  CHECK(test::targets_at(*data, Split::Val, 0).tensor("boxes").equal(torch::tensor({{0.0F, 0.0F, 20.0F, 10.0F}})));
}

TEST_CASE("data.yaml is read as tools write it", "[data][boxes]") {
  const YoloFolder folder;
  folder.names("path: ../elsewhere\ntrain: ../images/train\nval:\n  - images/val\nnames:\n  1: dog\n  0: cat\n");
  CHECK(folder.open()->info().classes == std::vector<std::string>{"cat", "dog"});
  folder.names("path: .\ntrain: list.txt\nnames: {0: cat, 1: dog}\n");
  folder.write("list.txt", "./images/train/b.png\nimages/train/a.png\n");
  CHECK(folder.open()->split(Split::Train)->facts(0).id == "images/train/b.png");
  CHECK(folder.open()->split(Split::Train)->facts(1).labels.size() == 2);
  folder.names("names: [cat, dog]\ntrain: " + (folder / "images/train").string() + "\n");
  CHECK(folder.open()->split(Split::Train)->size() == 2);
}

TEST_CASE("polygons and keypoints of YOLO's are read", "[data][boxes]") {
  YoloFolder folder;
  folder.options.masks = true;
  folder.write("labels/train/a.txt", "1 0.1 0.2 0.5 0.2 0.5 0.6 0.1 0.6\n");
  folder.names("names: [cat, dog]\ntrain: images/train\n");
  const Fields shaped = test::targets_at(*folder.open(), Split::Train, 0);
  CHECK(shaped.tensor("boxes").allclose(torch::tensor({{2.0F, 2.0F, 10.0F, 6.0F}})));
  CHECK(shaped.tensor("masks").sum().item<std::int64_t>() == 32);
  CHECK(shaped.tensor("masks")[0].slice(0, 2, 6).slice(1, 2, 10).sum().item<std::int64_t>() == 32);
  folder.options.masks = false;
  folder.names("names: [cat]\nkpt_shape: [2, 3]\nflip_idx: [1, 0]\ntrain: images/train\n");
  folder.write("labels/train/a.txt", "0 0.5 0.5 1 1 0.25 0.5 2 0.75 0.1 1\n");
  const auto data = folder.open();
  CHECK(data->info().facts.at("keypoint_pairs") == Json::array({{0, 1}}));
  CHECK(test::targets_at(*data, Split::Train, 0)
            .tensor("keypoints")
            .allclose(torch::tensor({{{5.0F, 5.0F, 2.0F}, {15.0F, 1.0F, 1.0F}}})));
  folder.names("names: [cat]\nkpt_shape: [2, 2]\ntrain: images/train\n");
  folder.write("labels/train/a.txt", "0 0.5 0.5 1 1 0.25 0.5 0 0\n");
  CHECK(test::targets_at(*folder.open(), Split::Train, 0)
            .tensor("keypoints")
            .allclose(torch::tensor({{{5.0F, 5.0F, 2.0F}, {0.0F, 0.0F, 0.0F}}})));
}

TEST_CASE("mistakes in YOLO's labels are named with their lines", "[data][boxes]") {
  YoloFolder folder;
  CHECK(folder.refused("0 0.5 0.5 0.1 0.1\ncat 0.5 0.5 0.1 0.1\n") ==
        "2: 'cat' is no number; a line is: class x y width height");
  CHECK(folder.refused("2 0.5 0.5 0.1 0.1") == "1: the class 2 is none; there are 2, counted from 0, in the names");
  CHECK(folder.refused("0.5 0.5 0.5 0.1 0.1") == "1: the class 0.5 is none; there are 2, counted from 0, in the names");
  CHECK(folder.refused("-1 0.5 0.5 0.1 0.1") == "1: the class -1 is none; there are 2, counted from 0, in the names");
  CHECK(folder.refused("0 120 0.5 0.1 0.1") ==
        "1: 120 is no share of an image's side; divide pixels by its width and height");
  CHECK(folder.refused("0 0.5 0.5 0.1") == "1: has 4 numbers; a line is: class x y width height");
  CHECK(folder.refused("0 0.5 0.5 0.1 0.1 0.9") == "1: has 6 numbers; labels have no sixth, the score of predictions");
  CHECK(folder.refused("0 0.5 0.5 0 0.1") ==
        "1: 'cat' has a box without area, 10,4.5 to 10,5.5; mend or remove it, or set data.degenerate: drop");
  folder.options.masks = true;
  folder.names("names: [cat, dog]\ntrain: images/train\n");
  CHECK(folder.refused("0 0.5 0.5 0.1 0.1") == "1: 'cat' has no mask; give it one, or set data.masks: false");
}

TEST_CASE("what is wrong with data.yaml, and a split without labels, is told", "[data][boxes]") {
  YoloFolder folder;
  CHECK(folder.refused_names("train: images/train\n") ==
        ":1:1: names no classes; names is a list of them, or a map from 0, 1, 2, ... on");
  CHECK(folder.refused_names("names: {0: cat, 2: dog}\ntrain: images/train\n") ==
        ":1:8: the numbers of the classes have a gap before 2; they count from 0, and each has a name");
  CHECK(folder.refused_names("names: {cat: 0}\ntrain: images/train\n") ==
        ":1:14: 'cat' is no number of a class; they count from 0\n" + (folder / "data.yaml").string() +
            ":1:8: names no classes; names is a list of them, or a map from 0, 1, 2, ... on");
  CHECK(folder.refused_names("names: [cat]\nnc: 2\ntrain: images/train\n") ==
        ":2:5: nc is 2, and names has 1; make them agree, or leave nc out");
  CHECK(folder.refused_names("names: [cat]\ntrain: photos\n") ==
        ": 'photos' is not in " + folder.path().string() +
            "; train, val and test are folders of images, or lists of them, in data.root");
  CHECK(folder.refused_names("names: [cat]\n") == ": names no images; train, val and test are folders of images");
  CHECK(folder.refused_names("names: [cat]\nkpt_shape: 17\ntrain: images/train\n") ==
        ":2:12: kpt_shape is no shape of keypoints; [17, 3]: how many, and 2 or 3 numbers of each");
  folder.names("names: [cat, dog]\ntrain: images/train\n");
  folder.options.labels = "labels_yolo";
  CHECK(folder.error() ==
        (folder / "labels_yolo/train/a.txt").string() +
            ": is not there, as no label file of train is; the labels of images/a/1.jpg are looked for in "
            "labels_yolo/a/1.txt: set data.images and data.labels");
  folder.options.names = "classes.yaml";
  CHECK(folder.error() == (folder / "classes.yaml").string() +
                              ": is not there; data.names is the YAML file, in data.root, that names the classes");
}

TEST_CASE("YOLO's labels of COCO's images are their boxes", "[data][boxes]") {
  const auto root = test::real_data("coco-mini-permissive");
  if (!root) return;
  YoloOptions options;
  options.names = "yolo-classes.yaml";
  options.labels = "labels_yolo";
  const auto data = open_yolo(options, {*root, {}});
  CHECK(data->info().classes.size() == 80);
  CHECK(data->split(Split::Train)->size() == 26);
  CHECK(data->split(Split::Val)->size() == 27);
}

}  // namespace mlrun::data

#endif
