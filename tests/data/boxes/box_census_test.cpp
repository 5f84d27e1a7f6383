#ifdef MLRUN_WITH_OPENCV

#include "data/boxes/box_census.h"

#include <torch/types.h>

#include "base/files.h"
#include "data/boxes.h"
#include "data/boxes/coco_writer.h"
#include "data/contact_sheet.h"
#include "data/sources/boxed/boxed_images.h"
#include "data/sources/boxed/coco_detection.h"
#include "data/verify.h"
#include "recipes/registry.h"
#include "support.h"

namespace mlrun::data {
namespace {

using test::coco_box;

/// Two training images with boxes, one twice, and validation without boxes.
struct Boxes : test::TempDir {
  Boxes() {
    for (const char* place : {"train2017", "val2017"}) test::write_coco_images(*this, place);
    write("val2017/1.png", test::grey_png(std::vector<std::uint8_t>(200, 77), 20));
    Json crowd = coco_box(9, 1, 7, {0, 0, 20, 10});
    crowd["iscrowd"] = 1;
    crowd["area"] = 5000;
    const Json list = {coco_box(4, 2, 7, {1, 2, 4, 2}), coco_box(5, 2, 7, {1, 2, 4, 2}), crowd};
    write("annotations/instances_train2017.json", json_text(test::coco_json(list)));
    write("annotations/instances_val2017.json", json_text(test::coco_json(Json::array())));
  }
  DataSubject subject() const { return {open_coco_detection({}, {path(), {}}), path().string(), "coco", false, 2}; }
};

}  // namespace

TEST_CASE("boxes are counted by class, size and ratio", "[data][boxes]") {
  const Boxes folder;
  const auto counts = count_boxes(folder.subject());
  const BoxCounts& train = counts.at(Split::Train);
  CHECK(train.boxes == std::vector<std::int64_t>{0, 3});
  CHECK(train.images == std::vector<std::int64_t>{0, 2});
  CHECK(train.small == 2);
  CHECK(train.medium == 1);
  CHECK(train.crowds == 1);
  CHECK(train.ratios == std::vector<float>{2, 2, 2});
  CHECK(train.per_image == std::vector<std::int64_t>{1, 2});
  CHECK(counts.at(Split::Val).empty_images == 2);
  const std::vector<std::string> classes = {"dog", "cat"};
  CHECK(box_table(classes, counts).text() ==
        "class  train boxes    share  images  val boxes  share  images\n"
        "-----  -----------  -------  ------  ---------  -----  ------\n"
        "dog              0    0.0 %       0          0      -       0\n"
        "cat              3  100.0 %       2          0      -       0\n"
        "all              3  100.0 %       2          0      -       2\n");
  CHECK(box_size_table(counts).text() ==
        "boxes  small  medium  large  side (least / median / most)      width / height  in an image  images without\n"
        "-----  -----  ------  -----  ----------------------------  ------------------  -----------  --------------\n"
        "train      2       1      0                    3 / 3 / 14  2.00 / 2.00 / 2.00    1 / 1 / 2               0\n"
        "val        0       0      0                             -                   -    0 / 0 / 0               2\n");
  CHECK(box_warnings(classes, counts) ==
        std::vector<std::string>{"no box of train is of the class 'dog'",
                                 "1 image of train has a thing that is drawn twice: train2017/2.png",
                                 "no image of val has a box"});
  const Json json = box_json(classes, counts);
  CHECK(json["train"]["boxes"] == 3);
  CHECK(json["train"]["aspect_ratio"]["median"] == 2);
  CHECK(json["val"]["side"].is_null());
}

TEST_CASE("looking at data with boxes tells what they are like", "[data][boxes]") {
  const Boxes folder;
  const Findings info = inspect_data(folder.subject());
  CHECK(info.text.find("cat              3  100.0 %       2") != std::string::npos);
  CHECK(info.json["boxes"]["train"]["small"] == 2);
  CHECK(info.json["classes"][1]["train"] == 3);
  CHECK(info.json["classes"][1]["images"]["train"] == 2);
  const Findings verified = verify_data(folder.subject(), {});
  CHECK(verified.problems.empty());
  CHECK(verified.text.find("mind: 1 image of train has a thing that is drawn twice: train2017/2.png\n") !=
        std::string::npos);
  CHECK(verified.json["boxes"]["warnings"].size() == 3);
}

TEST_CASE("a contact sheet shows boxes where transforms left them", "[data][boxes]") {
  const Boxes folder;
  const auto subject = folder.subject();
  const DataInfo& info = subject.dataset->info();
  config::Component flip = recipes::transforms().defaults("detection_train");
  const Pipeline pipeline(recipes::transforms(), {flip}, {}, "data.augment", box_followers(info));
  SheetOptions options;
  options.boxes = drawing_style(info);
  const Json shown =
      write_contact_sheet(*subject.dataset->split(Split::Train), pipeline, info.classes, options, folder / "s.png");
  CHECK(shown["samples"].size() == 2);
  CHECK(shown["samples"][0]["label"] == "cat");
  CHECK(read_file(folder / "s.png").size() > 100);
}

TEST_CASE("boxes of any source are written in COCO's form and read back as they were", "[data][boxes]") {
  const Boxes folder;
  Json content = test::coco_json(Json::array());
  Json shaped = coco_box(3, 1, 7, {0.1, 0.7, 19.7, 9.25});
  shaped["segmentation"] = test::coco_polygon({1, 2, 5.5, 2, 5.5, 7, 1, 7});
  shaped["keypoints"] = {1, 2, 2, 0, 0, 0};
  content["annotations"].push_back(shaped);
  content["categories"][0]["keypoints"] = {"left_eye", "right_eye"};
  content["categories"][0]["skeleton"] = Json::array({{1, 2}});
  folder.write("annotations/instances_train2017.json", json_text(content));
  CocoDetectionOptions options;
  options.val_annotations.reset();
  options.masks = true;
  const auto first = open_coco_detection(options, {folder.path(), {}});
  const DataSubject subject{first, folder.path().string(), "coco", false, 1};
  const Findings written = write_coco(subject, {folder / "out.json", Split::Train});
  CHECK(written.text == (folder / "out.json").string() + ": 2 images of train with 1 box of 2 classes\n");
  options.train_images = ".";
  options.train_annotations = "out.json";
  const auto again = open_coco_detection(options, {folder.path(), {}});
  CHECK(again->info().classes == first->info().classes);
  CHECK(again->info().facts == first->info().facts);
  for (std::int64_t i = 0; i < 2; ++i) {
    const Fields expected = test::targets_at(*first, Split::Train, i),
                 found = test::targets_at(*again, Split::Train, i);
    REQUIRE(found.size() == expected.size());
    CHECK(again->split(Split::Train)->facts(i).id == first->split(Split::Train)->facts(i).id);
    for (const auto& [name, value] : expected) {
      INFO(name << i);
      CHECK(found.tensor(name).equal(std::get<torch::Tensor>(value)));
    }
  }
  CHECK(test::user_error([&] {
          write_coco(subject, {folder / "out.json", Split::Val});
        }) == "the data set has no val split; choose another with --split, or set data.split");
}

}  // namespace mlrun::data

#endif
