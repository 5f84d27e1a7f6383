#ifdef MLRUN_WITH_OPENCV

#include "data/sources/boxed/coco_detection.h"

#include <torch/types.h>
#include <torch/utils.h>

#include "base/files.h"
#include "data/boxes.h"
#include "data/sources/boxed/boxed_images.h"
#include "support.h"

namespace mlrun::data {
namespace {

using test::coco_box;
using test::user_error;

struct CocoBoxes : test::TempDir {
  CocoBoxes() {
    test::write_coco_images(*this, "train2017");
    options.val_annotations.reset();
  }
  void set(const Json& annotations) { write_json(test::coco_json(annotations)); }
  void write_json(const Json& content) const { write("annotations/instances_train2017.json", json_text(content)); }
  std::shared_ptr<const Dataset> open(bool exif = false) const {
    return open_coco_detection(options, {path(), {}, exif});
  }
  std::string error() const {
    return user_error([&] { open(); });
  }
  /// What `annotations` are refused with, less the name of their file.
  std::string refused(const Json& annotations) {
    set(annotations);
    const std::string text = error(), place = file() + ": ";
    INFO(text);
    REQUIRE(text.substr(0, place.size()) == place);
    return text.substr(place.size());
  }
  std::string file() const { return (*this / "annotations/instances_train2017.json").string(); }

  CocoDetectionOptions options;
};

/// A JPEG's first bytes: an EXIF orientation and the size, and no pixels.
std::string turned_jpeg(int orientation, int width, int height) {
  std::string exif("Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0", 25);
  exif += static_cast<char>(orientation);
  exif += std::string("\0\0\0\0\0\0", 6);
  const auto two = [](std::size_t value) {
    return std::string{static_cast<char>(value >> 8U), static_cast<char>(value & 255U)};
  };
  return "\xFF\xD8\xFF\xE1" + two(exif.size() + 2) + exif + "\xFF\xC0" + two(17) + "\x08" +
         two(static_cast<std::size_t>(height)) + two(static_cast<std::size_t>(width)) +
         std::string("\x03\x01\x22\0\x02\x11\x01\x03\x11\x01", 10);
}

}  // namespace

TEST_CASE("COCO's boxes become targets, classes in the order of their ids", "[data][boxes]") {
  CocoBoxes folder;
  Json crowd = coco_box(12, 1, 7, {1, 2, 3, 4});
  crowd["iscrowd"] = 1;
  crowd["area"] = 5.5;
  folder.set({crowd, coco_box(11, 1, 3, {0.1, 0.2, 19.7, 9.5})});
  const auto data = folder.open();
  CHECK(data->info().classes == std::vector<std::string>{"dog", "cat"});
  CHECK(data->info().facts.at("category_ids") == Json({3, 7}));
  CHECK(has_boxes(data->info()));
  const auto train = data->split(Split::Train);
  REQUIRE(train->size() == 2);
  const SampleFacts facts = train->facts(0);
  CHECK(facts.id == "train2017/1.png");
  CHECK(facts.labels == std::vector<std::int64_t>{1, 0});
  CHECK(facts.height == 10);
  CHECK(facts.width == 20);
  const Fields targets = test::targets_at(*data, Split::Train, 0);
  CHECK(targets.tensor("boxes").equal(
      torch::tensor({{1.0F, 2.0F, 4.0F, 6.0F}, {0.1F, 0.2F, 0.1F + 19.7F, 0.2F + 9.5F}})));
  CHECK(targets.tensor("labels").equal(torch::tensor({1, 0}, torch::kLong)));
  CHECK(targets.tensor("crowd").equal(torch::tensor({true, false})));
  CHECK(targets.tensor("object_ids").equal(torch::tensor({12, 11}, torch::kLong)));
  CHECK(targets.tensor("image_id").item<std::int64_t>() == 1);
  CHECK(targets.tensor("area").dtype() == torch::kDouble);
  CHECK(targets.tensor("area")[0].item<double>() == 5.5);
  CHECK(targets.tensor("area")[1].item<double>() == Approx(19.7 * 9.5));
  CHECK_FALSE(targets.has("masks"));
  CHECK_FALSE(targets.has("keypoints"));
  CHECK_FALSE(targets.has("difficult"));
}

TEST_CASE("an image without boxes has targets of no rows", "[data][boxes]") {
  CocoBoxes folder;
  folder.options.masks = true;
  folder.write_json(test::coco_json(Json::array()));
  const Fields targets = test::targets_at(*folder.open(), Split::Train, 1);
  CHECK(targets.tensor("boxes").sizes() == torch::IntArrayRef({0, 4}));
  CHECK(targets.tensor("boxes").dtype() == torch::kFloat);
  CHECK(targets.tensor("labels").sizes() == torch::IntArrayRef({0}));
  CHECK(targets.tensor("masks").sizes() == torch::IntArrayRef({0, 8, 8}));
  CHECK(folder.open()->split(Split::Train)->facts(1).labels.empty());
  Json content = test::coco_json(Json::array({coco_box(1, 2, 3, {0, 0, 4, 4})}));
  content.erase("annotations");
  folder.write_json(content);
  CHECK(test::targets_at(*folder.open(), Split::Train, 1).tensor("crowd").numel() == 0);
  folder.options.masks = false;
  folder.set(Json::array({coco_box(1, 2, 3, {0, 0, 4, 4})}));
  folder.options.empty_images = "drop";
  REQUIRE(folder.open()->split(Split::Train)->size() == 1);
  CHECK(folder.open()->split(Split::Train)->facts(0).id == "train2017/2.png");
}

TEST_CASE("annotations of COCO may lack sizes, ids, areas, boxes and shapes", "[data][boxes]") {
  CocoBoxes folder;
  Json shaped = {
      {"image_id", 2}, {"category_id", 7}, {"segmentation", test::coco_polygon({1, 2, 5.5, 2, 5.5, 7, 1, 7})}};
  Json run = {{"image_id", 2},
              {"category_id", 7},
              {"id", 40},
              {"segmentation", {{"size", {8, 8}}, {"counts", {8, 3, 5, 3, 45}}}}};
  Json content = test::coco_json({shaped, run});
  for (auto& image : content["images"]) image.erase("height"), image.erase("width");
  folder.write_json(content);
  const auto data = folder.open();
  CHECK(data->split(Split::Train)->facts(0).width == 20);
  const Fields targets = test::targets_at(*data, Split::Train, 1);
  CHECK(targets.tensor("boxes").equal(torch::tensor({{1.0F, 2.0F, 5.5F, 7.0F}, {1.0F, 0.0F, 3.0F, 3.0F}})));
  CHECK(targets.tensor("object_ids").equal(torch::tensor({41, 40}, torch::kLong)));
  CHECK(targets.tensor("area")[0].item<double>() == 22.5);
}

TEST_CASE("masks and keypoints come with the boxes", "[data][boxes]") {
  CocoBoxes folder;
  folder.options.masks = true;
  Json thing = coco_box(1, 2, 7, {1, 2, 4, 4});
  thing["segmentation"] = test::coco_polygon({1, 2, 5, 2, 5, 6, 1, 6});
  thing["keypoints"] = {1, 2, 2, 4.5, 5, 1};
  Json other = coco_box(2, 2, 3, {0, 0, 1, 1});
  other["segmentation"] = {{"size", {8, 8}}, {"counts", {0, 1, 63}}};
  Json content = test::coco_json({thing, other});
  content["categories"][0]["keypoints"] = {"left_eye", "right_eye"};
  content["categories"][0]["skeleton"] = Json::array({{1, 2}});
  folder.write_json(content);
  const auto data = folder.open();
  CHECK(data->info().facts.at("keypoints") == Json({"left_eye", "right_eye"}));
  CHECK(data->info().facts.at("keypoint_pairs") == Json::array({{0, 1}}));
  CHECK(data->info().facts.at("skeleton") == Json::array({{0, 1}}));
  const Fields targets = test::targets_at(*data, Split::Train, 1);
  REQUIRE(targets.tensor("masks").sizes() == torch::IntArrayRef({2, 8, 8}));
  CHECK(targets.tensor("masks")[0].sum().item<std::int64_t>() == 16);
  CHECK(targets.tensor("masks")[0].slice(0, 2, 6).slice(1, 1, 5).sum().item<std::int64_t>() == 16);
  CHECK(targets.tensor("masks")[1].sum().item<std::int64_t>() == 1);
  CHECK(
      targets.tensor("keypoints")
          .equal(torch::tensor({{{1.0F, 2.0F, 2.0F}, {4.5F, 5.0F, 1.0F}}, {{0.0F, 0.0F, 0.0F}, {0.0F, 0.0F, 0.0F}}})));
}

TEST_CASE("boxes that reach outside are clipped, and those without area can be left out", "[data][boxes]") {
  CocoBoxes folder;
  folder.set({coco_box(1, 2, 7, {-3, 2, 20, 4}), coco_box(2, 2, 7, {3, 3, 0, 2}), coco_box(3, 2, 7, {9, 3, 2, 2})});
  folder.options.degenerate = "drop";
  const Fields targets = test::targets_at(*folder.open(), Split::Train, 1);
  CHECK(targets.tensor("boxes").equal(torch::tensor({{0.0F, 2.0F, 8.0F, 6.0F}})));
  CHECK(targets.tensor("object_ids").equal(torch::tensor({1}, torch::kLong)));
}

TEST_CASE("mistakes in COCO's boxes are named before anything is learnt", "[data][boxes]") {
  CocoBoxes folder;
  const std::string drop = "; mend or remove it, or set data.degenerate: drop";
  CHECK(folder.refused({coco_box(5, 1, 7, {3, 4, 0, 2})}) == "annotation 5 has a box without area, 3,4 to 3,6" + drop);
  CHECK(folder.refused({coco_box(5, 1, 7, {3, 4, 2, -1})}) == "annotation 5 has a box without area, 3,4 to 5,3" + drop);
  CHECK(folder.refused({coco_box(5, 2, 7, {8, 4, 2, 2})}) ==
        "annotation 5 has a box outside its image of 8x8, 8,4 to 10,6" + drop);
  CHECK(folder.refused({coco_box(5, 2, 7, {0, 0, 2})}) ==
        "annotation 5 has a bbox that is none; it is [left, top, width, height] in pixels");
  CHECK(folder.refused({coco_box(5, 2, 7, {0, 0, 2, "2"})}) ==
        "annotation 5 has a bbox that is none; it is [left, top, width, height] in pixels");
  CHECK(folder.refused({{{"id", 5}, {"image_id", 1}, {"category_id", 7}}}) ==
        "annotation 5 has no bbox; give it [left, top, width, height] in pixels");
  CHECK(folder.refused({coco_box(5, 1, 7, {0, 0, 2, 2}), coco_box(5, 2, 7, {0, 0, 2, 2})}) ==
        "the annotation id 5 stands there twice; number the annotations anew");
  CHECK(folder.refused({coco_box(5, 1, 8, {0, 0, 2, 2})}) ==
        "annotation 5 is of the category 8; there is none of this id");
  CHECK(folder.refused({coco_box(5, 3, 7, {0, 0, 2, 2})}) ==
        "annotation 5 is of the image 3; there is none of this id");
  Json points = coco_box(5, 1, 7, {0, 0, 2, 2});
  points["keypoints"] = {1, 2, 2};
  CHECK(folder.refused({points}) ==
        "annotation 5 has 3 numbers as keypoints; three for each of the 0 keypoints of its category");
  points["keypoints"] = {1, nullptr, 2};
  CHECK(folder.refused({points}) ==
        "annotation 5 has keypoints that are none; they are a list of x, y and visibility in turn");
  folder.options.masks = true;
  CHECK(folder.refused({coco_box(5, 1, 7, {0, 0, 2, 2})}) ==
        "annotation 5 has no segmentation; boxes alone are no masks");
  Json empty = coco_box(5, 1, 7, {0, 0, 2, 2});
  empty["segmentation"] = Json::array();
  CHECK(folder.refused({empty}) == "annotation 5 has no mask; give it one, or set data.masks: false");
}

TEST_CASE("images that are absent, of another size or named twice are told, the first twenty of them",
          "[data][boxes]") {
  CocoBoxes folder;
  const std::string root = folder.path().string();
  const std::string hint = "; data.train_images, data.val_images and data.test_images name the folders of the images";
  Json content = test::coco_json(Json::array());
  for (int i = 3; i < 30; ++i) content["images"].push_back({{"id", i}, {"file_name", std::to_string(i) + ".png"}});
  folder.write_json(content);
  const std::string text = folder.error();
  CHECK(text.substr(0, text.find('\n')) ==
        root + "/train2017/3.png: is not there, and " + folder.file() + " names it" + hint);
  CHECK(std::count(text.begin(), text.end(), '\n') == 20);
  CHECK(text.substr(text.rfind('\n') + 1) == "there are 7 more problems");
  content = test::coco_json(Json::array());
  content["images"][0]["height"] = 9;
  content["images"].push_back({{"id", 3}, {"file_name", "1.png"}});
  content["images"].push_back({{"id", 4}, {"file_name", "../1.png"}});
  folder.write("1.png", test::blank_png(2, 2));
  folder.write("train2017/5.png", "no image");
  content["images"].push_back({{"id", 5}, {"file_name", "5.png"}});
  folder.write_json(content);
  CHECK(
      folder.error() ==
      folder.file() + ": '../1.png' leads out of the folder of images; file_name is a path in it\n" + folder.file() +
          ": the image 'train2017/1.png' stands there twice; put all of its things into one entry; what is learnt from "
          "must not be evaluated on\n" +
          folder.file() +
          ": 'train2017/2.png' is of 8x9 pixels there, and the file of 8x8; annotations are of images of one size: "
          "mend the size there, or take the image they were made of\n" +
          root + "/train2017/5.png: is no image whose size can be read; replace it, or give its size in " +
          folder.file());
}

TEST_CASE("boxes of an image that EXIF turns are of the size that their annotations say", "[data][boxes]") {
  CocoBoxes folder;
  folder.write("train2017/1.png", turned_jpeg(6, 10, 20));
  folder.set({coco_box(1, 1, 7, {0, 0, 2, 2})});
  CHECK(folder.error() ==
        folder.file() +
            ": 'train2017/1.png' is of 20x10 pixels there, and the file of 10x20; its boxes are of the "
            "image as EXIF turns it: set data.exif: apply");
  CHECK(folder.open(true)->split(Split::Train)->facts(0).width == 20);
  folder.write("train2017/1.png", turned_jpeg(6, 20, 10));
  CHECK(folder.open()->split(Split::Train)->facts(0).width == 20);
  CHECK(user_error([&] { folder.open(true); }) ==
        folder.file() +
            ": 'train2017/1.png' is of 20x10 pixels there, and the file of 10x20; its boxes are of the image as it is "
            "stored: set data.exif: ignore");
}

TEST_CASE("categories are the same in all files of a data set", "[data][boxes]") {
  CocoBoxes folder;
  folder.options.val_annotations = "val.json";
  folder.options.val_images = "val";
  test::write_coco_images(folder, "val");
  folder.set(Json::array());
  Json content = test::coco_json({coco_box(1, 1, 9, {0, 0, 2, 2})});
  content["categories"].push_back({{"id", 9}, {"name", "owl"}});
  folder.write("val.json", json_text(content));
  const auto data = folder.open();
  CHECK(data->info().classes == std::vector<std::string>{"dog", "cat", "owl"});
  CHECK(data->split(Split::Val)->facts(0).labels == std::vector<std::int64_t>{2});
  content["categories"][0]["name"] = "owl";
  folder.write("val.json", json_text(content));
  const std::string val = (folder / "val.json").string();
  CHECK(folder.error() == val +
                              ": the category 7 is 'owl', and 'cat' in the annotations before; categories are the same "
                              "in all files of a data set");
  content["categories"][0]["name"] = "cat";
  content["categories"][2]["name"] = "dog";
  folder.write("val.json", json_text(content));
  CHECK(folder.error() == folder.file() + ": the categories 3 and 9 are both named 'dog'; give each a name of its own");
}

TEST_CASE("annotations that are named and not there are told", "[data][boxes]") {
  CocoBoxes folder;
  CHECK(folder.error() == folder.file() +
                              ": is not there; data.train_annotations names the instances of train in data.root; null: "
                              "there are none");
  folder.options.train_annotations.reset();
  CHECK(folder.error() == "no annotations are named; data.train_annotations names a file in data.root");
}

TEST_CASE("COCO's own files are read", "[data][boxes]") {
  const auto root = test::real_data("coco-mini-permissive");
  if (!root) return;
  CocoDetectionOptions options;
  options.train_images = "images/train2017";
  options.train_annotations = "instances_train2017.json";
  options.val_images = "images/val2017";
  options.val_annotations = "instances_val2017.json";
  options.masks = true;
  const auto data = open_coco_detection(options, {*root, {}});
  CHECK(data->info().classes.size() == 80);
  CHECK(data->info().facts.at("category_ids").back() == 90);
  std::int64_t things = 0;
  for (std::int64_t i = 0; i < data->split(Split::Train)->size(); ++i) {
    const Fields targets = test::targets_at(*data, Split::Train, i);
    const auto& boxes = targets.tensor("boxes");
    things += boxes.size(0);
    for (std::int64_t k = 0; k < boxes.size(0); ++k) {
      const auto mask = targets.tensor("masks")[k];
      CHECK(mask.sum().item<std::int64_t>() == static_cast<std::int64_t>(targets.tensor("area")[k].item<double>()));
    }
  }
  CHECK(things == 181);
}

}  // namespace mlrun::data

#endif
