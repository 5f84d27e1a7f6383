#include "recipes/detection/starter_layout.h"

#include "data/sources/source.h"
#include "support.h"

namespace mlrun::detection {
namespace {

/// The layout of a folder with these files, as JSON.
Json layout_of(const std::vector<std::string>& files, const std::string& format = "") {
  const test::TempDir folder;
  for (const auto& file : files) folder.write(file, "x");
  const BoxLayout layout = find_layout(folder.path(), format);
  Json json = {{"format", layout.format}};
  for (const auto& [key, value] : layout.options) json[key] = value;
#if defined(MLRUN_WITH_OPENCV) || defined(MLRUN_WITH_JPEG)
  layout.component();  // its options are the source's
#endif
  return json;
}

}  // namespace

TEST_CASE("how images with boxes lie in a folder is found from its files", "[recipes][boxes]") {
  CHECK(layout_of({"annotations/instances_train2017.json", "train2017/a.jpg"}) ==
        Json{{"format", "coco"},
             {"train_images", "train2017"},
             {"train_annotations", "annotations/instances_train2017.json"},
             {"val_annotations", nullptr}});
  CHECK(layout_of({"train/_annotations.coco.json", "train/a.jpg", "valid/_annotations.coco.json", "test/b.txt"}) ==
        Json{{"format", "coco"},
             {"train_images", "train"},
             {"train_annotations", "train/_annotations.coco.json"},
             {"val_images", "valid"},
             {"val_annotations", "valid/_annotations.coco.json"}});
  CHECK(layout_of({"train.json", "images/a.jpg", "test.json"}) == Json{{"format", "coco"},
                                                                       {"train_images", "images"},
                                                                       {"train_annotations", "train.json"},
                                                                       {"val_annotations", nullptr},
                                                                       {"test_images", "images"},
                                                                       {"test_annotations", "test.json"}});
  CHECK(layout_of({"Annotations/a.xml", "JPEGImages/a.jpg", "ImageSets/Main/train.txt", "ImageSets/Main/val.txt"}) ==
        Json{{"format", "voc_detection"}});
  CHECK(layout_of({"VOC2012/Annotations/a.xml", "VOC2012/JPEGImages/a.jpg", "VOC2012/ImageSets/Main/trainval.txt",
                   "VOC2012/ImageSets/Main/test.txt"}) ==
        Json{{"format", "voc_detection"}, {"image_set", "trainval"}, {"val_set", nullptr}, {"test_set", "test"}});
  CHECK(layout_of({"Annotations/a.xml", "images/a.jpg"}) ==
        Json{{"format", "voc_detection"}, {"images", "images"}, {"image_set", nullptr}});
  CHECK(layout_of({"a.xml", "a.jpg"}) ==
        Json{{"format", "voc_detection"}, {"images", "."}, {"annotations", "."}, {"image_set", nullptr}});
  CHECK(layout_of({"data.yaml", "labels/a.txt", "images/a.jpg"}) == Json{{"format", "yolo"}});
  CHECK(layout_of({"coco.yaml", "labels_yolo/a.txt", "images/a.jpg"}) ==
        Json{{"format", "yolo"}, {"names", "coco.yaml"}, {"labels", "labels_yolo"}});
  CHECK(layout_of({"annotations.xml", "images/a.jpg"}) == Json{{"format", "cvat"}});
  CHECK(layout_of({"task.xml", "a.jpg"}, "cvat") ==
        Json{{"format", "cvat"}, {"annotations", "task.xml"}, {"images", "."}});
  CHECK(layout_of({"a.json", "a.jpg"}) == Json{{"format", "labelme"}});
}

TEST_CASE("a folder without boxes is refused with what could lie there", "[recipes][boxes]") {
  const test::TempDir folder;
  folder.write("a.jpg", "x");
  CHECK(test::user_error([&] { find_layout(folder.path(), ""); }) ==
        folder.path().string() +
            ": holds no annotations of boxes that are known; put COCO's JSON, PASCAL VOC's XML, YOLO's labels with "
            "data.yaml, LabelMe's JSON or CVAT's XML there; --format names one of them");
}

}  // namespace mlrun::detection
