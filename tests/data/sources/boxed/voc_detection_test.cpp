#ifdef MLRUN_WITH_OPENCV

#include "data/sources/boxed/voc_detection.h"

#include <torch/types.h>
#include <torch/utils.h>

#include "data/boxes.h"
#include "support.h"

namespace mlrun::data {
namespace {

using test::user_error;
using test::voc_size;
using test::voc_xml;

/// Two images of 20 x 10 pixels in a train list, one in a val list.
struct VocBoxes : test::TempDir {
  explicit VocBoxes(const std::string& place = "") {
    for (const char* name : {"a", "b"}) write(place + "JPEGImages/" + name + ".jpg", test::blank_png(20, 10));
    write(place + "JPEGImages/c.png", test::blank_png(20, 10));
    write(
        place + "Annotations/a.xml",
        voc_xml("a.jpg", voc_size(20, 10), {{"king", {"1", "2", "5.5", "8"}, true}, {"ace", {"3", "1", "20", "10"}}}));
    write(place + "Annotations/b.xml", voc_xml("b.jpg", voc_size(20, 10), {}));
    write(place + "Annotations/c.xml", voc_xml("elsewhere.jpg", "", {{"queen", {" 2 ", "2", "9", "9"}}}));
    write(place + "ImageSets/Main/train.txt", "a\nb\n");
    write(place + "ImageSets/Main/val.txt", "c -1\n");
  }
  std::shared_ptr<const Dataset> open() const { return open_voc_detection(options, {path(), {}}); }
  std::string error() const {
    return user_error([&] { open(); });
  }
  /// What `text` as the first annotation is refused with, from its line on.
  std::string refused(const std::string& text) const {
    write("Annotations/a.xml", text);
    const std::string found = error(), place = (*this / "Annotations/a.xml").string() + ":";
    INFO(found);
    REQUIRE(found.substr(0, place.size()) == place);
    return found.substr(place.size());
  }

  VocDetectionOptions options;
};

}  // namespace

TEST_CASE("PASCAL VOC's annotations become boxes", "[data][boxes]") {
  for (const char* place : {"", "VOC2012/", "VOCdevkit/VOC2012/"}) {
    INFO(place);
    const VocBoxes folder(place);
    const auto data = folder.open();
    CHECK(data->info().classes == std::vector<std::string>{"ace", "king", "queen"});
    CHECK(data->info().facts.at("category_ids") == Json({1, 2, 3}));
    REQUIRE(data->split(Split::Train)->size() == 2);
    CHECK(data->split(Split::Train)->facts(0).id == "JPEGImages/a.jpg");
    CHECK(data->split(Split::Val)->facts(0).id == "JPEGImages/c.png");
    CHECK(data->split(Split::Val)->facts(0).labels == std::vector<std::int64_t>{2});
    const Fields targets = test::targets_at(*data, Split::Train, 0);
    CHECK(targets.tensor("boxes").equal(torch::tensor({{1.0F, 2.0F, 5.5F, 8.0F}, {3.0F, 1.0F, 20.0F, 10.0F}})));
    CHECK(targets.tensor("labels").equal(torch::tensor({1, 0}, torch::kLong)));
    CHECK(targets.tensor("difficult").equal(torch::tensor({true, false})));
    CHECK(targets.tensor("crowd").equal(torch::tensor({false, false})));
    CHECK(targets.tensor("area").equal(torch::tensor({27.0, 153.0}, torch::kDouble)));
    CHECK(targets.tensor("object_ids").equal(torch::tensor({1, 2}, torch::kLong)));
    CHECK(test::targets_at(*data, Split::Train, 1).tensor("boxes").sizes() == torch::IntArrayRef({0, 4}));
    CHECK(test::targets_at(*data, Split::Val, 0).tensor("image_id").item<std::int64_t>() == 3);
  }
}

TEST_CASE("corners that are counted from 1 are moved where that is asked for", "[data][boxes]") {
  VocBoxes folder;
  folder.options.one_based = true;
  CHECK(test::targets_at(*folder.open(), Split::Train, 0)
            .tensor("boxes")
            .equal(torch::tensor({{0.0F, 1.0F, 5.5F, 8.0F}, {2.0F, 0.0F, 20.0F, 10.0F}})));
}

TEST_CASE("without lists all annotations of VOC are one pool", "[data][boxes]") {
  VocBoxes folder;
  folder.options.image_set.reset();
  CHECK(folder.open()->split(Split::Train)->size() == 3);
  CHECK_FALSE(folder.open()->split(Split::Val));
  const test::TempDir beside;  // images and annotations in one folder
  beside.write("x.jpg", test::blank_png(20, 10));
  beside.write("x.xml", voc_xml("x.jpg", voc_size(20, 10), {{"king", {"1", "2", "5", "8"}}}));
  folder.options.images = folder.options.annotations = ".";
  CHECK(open_voc_detection(folder.options, {beside.path(), {}})->split(Split::Train)->facts(0).id == "x.jpg");
}

TEST_CASE("classes of VOC can be named, and others are told", "[data][boxes]") {
  VocBoxes folder;
  folder.options.classes = {"queen", "king", "ace"};
  CHECK(folder.open()->split(Split::Train)->facts(0).labels == std::vector<std::int64_t>{1, 2});
  folder.options.classes = {"queen", "king"};
  CHECK(folder.error() ==
        (folder / "Annotations/a.xml").string() + ":7: 'ace' is no class; data.classes has queen, king");
}

TEST_CASE("mistakes in VOC's annotations are named with their lines", "[data][boxes]") {
  const VocBoxes folder;
  const std::string drop = "; mend or remove it, or set data.degenerate: drop";
  CHECK(folder.refused("") == "1: is no XML: No document element found; write it anew");
  CHECK(folder.refused("<annotation>\n<object>\n</annotation>\n") ==
        "3: is no XML: Start-end tags mismatch; write it anew");
  CHECK(folder.refused("<annotations/>") == "1: is no annotation of PASCAL VOC; its outermost element is <annotation>");
  CHECK(folder.refused(voc_xml("a.jpg", "<size><width>20</width></size>", {})) ==
        "3: has a size that no image can have; mend <width> and <height>, or leave <size> out");
  CHECK(folder.refused(voc_xml("a.jpg", voc_size(20, 10), {{"", {"1", "2", "3", "4"}}})) ==
        "4: an object has no <name>; name its class");
  CHECK(folder.refused("<annotation><object><name>king</name></object></annotation>") ==
        "1: 'king' has no <bndbox>; give it one, or remove it");
  CHECK(folder.refused(voc_xml("a.jpg", voc_size(20, 10), {{"king", {"1", "2", "x", "4"}}})) ==
        "5: 'king' has no number as <xmax>; <bndbox> has xmin, ymin, xmax and ymax in pixels");
  CHECK(folder.refused(voc_xml("a.jpg", voc_size(20, 10), {{"king", {"1", "2", "nan", "4"}}})) ==
        "5: 'king' has no number as <xmax>; <bndbox> has xmin, ymin, xmax and ymax in pixels");
  CHECK(folder.refused(voc_xml("a.jpg", voc_size(20, 10), {{"king", {"5", "2", "1", "4"}}})) ==
        "4: 'king' has a box without area, 5,2 to 1,4" + drop);
  CHECK(folder.refused(voc_xml("a.jpg", voc_size(20, 10), {{"king", {"21", "2", "30", "4"}}})) ==
        "4: 'king' has a box outside its image of 20x10, 21,2 to 30,4" + drop);
  folder.write("Annotations/a.xml", voc_xml("a.jpg", voc_size(10, 20), {{"king", {"1", "2", "3", "4"}}}));
  CHECK(folder.error() ==
        (folder / "Annotations/a.xml").string() +
            ": 'JPEGImages/a.jpg' is of 10x20 pixels there, and the file of 20x10; annotations are of "
            "images of one size: mend the size there, or take the image they were made of");
}

TEST_CASE("lists, annotations and images of VOC that are not there are told", "[data][boxes]") {
  VocBoxes folder;
  const std::string lists = (folder / "ImageSets/Main/").string();
  folder.write("ImageSets/Main/val.txt", "a\n../c\n");
  CHECK(folder.error() ==
        lists +
            "val.txt:1: 'a' is in train.txt, too; what is learnt from must not be evaluated on: set "
            "data.val_set: null, or other lists\n" +
            lists + "val.txt:2: '../c' is no name of an image\n" + (folder / "Annotations/a.xml").string() +
            ": the image 'JPEGImages/a.jpg' stands there twice; put all of its things into one entry; "
            "what is learnt from must not be evaluated on");
  folder.write("ImageSets/Main/val.txt", "d\n");
  CHECK(folder.error() == (folder / "Annotations/d.xml").string() + ": cannot be read: No such file or directory\n" +
                              (folder / "JPEGImages/d.jpg").string() + ": is not there, and " +
                              (folder / "Annotations/d.xml").string() +
                              " names it; data.images names the folder of the images, which have the names of their "
                              "annotations");
  folder.options.val_set = "test";
  CHECK(
      folder.error() ==
      lists +
          "test.txt: is not there; data.image_set, data.val_set and data.test_set name lists there; null: there is no "
          "such split (data.image_set: null takes all annotations)");
  const test::TempDir none;
  CHECK(user_error([&] {
          open_voc_detection({}, {none.path(), {}});
        }) ==
        none.path().string() +
            ": holds no Annotations, neither itself nor in VOC2012 or VOCdevkit/VOC2012; data.root names the folder of "
            "PASCAL VOC, data.year one of its years, data.annotations the folder of the XML files in it");
}

TEST_CASE("photographs of playing cards are read", "[data][boxes]") {
  const auto root = test::real_data("playing-cards-voc");
  if (!root) return;
  VocDetectionOptions options;
  options.val_set = "test";
  const auto data = open_voc_detection(options, {*root, {}});
  CHECK(data->info().classes == std::vector<std::string>{"ace", "jack", "king", "nine", "queen", "ten"});
  CHECK(data->split(Split::Train)->size() == 296);
  CHECK(data->split(Split::Val)->size() == 67);
  std::size_t boxes = 0;
  for (const Split split : {Split::Train, Split::Val}) {
    for (std::int64_t i = 0; i < data->split(split)->size(); ++i) boxes += data->split(split)->facts(i).labels.size();
  }
  CHECK(boxes == 670);
}

}  // namespace mlrun::data

#endif
