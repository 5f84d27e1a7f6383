#include "data/sources/detect_format.h"

#include <vector>

#include "support.h"

namespace mlrun::data {

TEST_CASE("the format of a data set is found from its files", "[data][detect_format]") {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"train-images-idx3-ubyte.gz"}, "idx"},
      {{"train-images-idx3-ubyte"}, "idx"},
      {{"data_batch_1.bin"}, "cifar10"},
      {{"cifar-10-batches-bin/x"}, "cifar10"},
      {{"cifar-100-binary/x"}, "cifar100"},
      {{"train.bin", "test.bin"}, "cifar100"},
      {{"labels.txt", "a.jpg"}, "flat"},
      {{"labels.txt", "cat/a.jpg"}, "image_folder"},
      {{"cat/a.jpg", "dog/b.jpg"}, "image_folder"},
      {{"images/a.jpg", "masks/a.png"}, "segmentation_folder"},
      {{"leftImg8bit/x", "gtFine/x"}, "cityscapes"},
      {{"annotations/instances_train2017.json"}, "coco_segmentation"},
      {{"instances_train2017.json", "images/a.jpg"}, "coco_segmentation"},
      {{"VOCdevkit/VOC2012/JPEGImages/a.jpg", "VOCdevkit/VOC2012/SegmentationClass/a.png"}, "voc_segmentation"},
      {{"JPEGImages/a.jpg", "SegmentationClass/a.png"}, "voc_segmentation"},
      {{"JPEGImages/a.jpg", "Annotations/a.xml"}, "voc_detection"},
      {{"data.yaml", "train/images/a.jpg"}, "yolo"},
      {{"images/a.jpg", "labels/a.txt"}, "yolo"},
      {{"images/a.jpg", "annotations.xml"}, "cvat"},
      {{"JPEGImages/a.jpg", "other/a.png"}, "image_folder"}};
  for (const auto& [files, format] : cases) {
    const test::TempDir folder;
    for (const auto& file : files) folder.write(file, "x");
    CAPTURE(files.front());
    REQUIRE(detect_format(folder.path()) == format);
  }
  const test::TempDir folder;
  REQUIRE(detect_format(folder.write("some.csv", "")) == "csv");
  folder.write("labels.csv", "label,path\r\n");
  folder.write("cat/a.jpg", "");
  REQUIRE(detect_format(folder.path()) == "flat");
  folder.write("labels.csv", "id,name\n");
  REQUIRE(detect_format(folder.path()) == "image_folder");
}

TEST_CASE("a folder without a data set is refused", "[data][detect_format]") {
  const test::TempDir folder;
  folder.write("a.jpg", "");
  REQUIRE(
      test::user_error([&] { detect_format(folder.path()); }) ==
      folder.path().string() +
          ": holds no data set of a known kind; it has neither folders of classes, nor labels.csv or labels.txt, nor "
          "tar shards, idx or CIFAR files; name the kind with data.format, as `mlrun list sources` shows them");
  REQUIRE(test::user_error([&] { detect_format(folder / "none"); }).find("data.root: there is no folder") == 0);
}

}  // namespace mlrun::data
