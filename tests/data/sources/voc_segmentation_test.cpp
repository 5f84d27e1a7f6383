#ifdef MLRUN_WITH_OPENCV

#include "data/sources/voc_segmentation.h"

#include <torch/types.h>
#include <torch/utils.h>

#include "data/class_colours.h"
#include "data/masks.h"
#include "support.h"

namespace mlrun::data {
namespace {

using test::user_error;

/// Three images of 2 x 2 pixels, whose names end as VOC's do whatever they are.
struct VocFolder : test::TempDir {
  explicit VocFolder(const std::string& place) {
    for (const char* name : {"2007_1", "2007_2", "2007_3"}) {
      write(place + "JPEGImages/" + name + ".jpg", test::grey_png({1, 2, 3, 4}, 2));
      write(place + "SegmentationClass/" + name + ".png", test::grey_png({0, 20, 255, 15}, 2));
    }
    write(place + "JPEGImages/2008_9.jpg", "of no list");
    write(place + "ImageSets/Segmentation/train.txt", "2007_2\n2007_1\n");
    write(place + "ImageSets/Segmentation/val.txt", "2007_3\n");
  }
  std::shared_ptr<const Dataset> open(const VocSegmentationOptions& options = {}) const {
    return open_voc_segmentation(options, {path(), {}});
  }
};

}  // namespace

TEST_CASE("PASCAL VOC is read as it lies on disk", "[data][segmentation]") {
  for (const char* place : {"", "VOC2012/", "VOCdevkit/VOC2012/"}) {
    INFO(place);
    const VocFolder folder(place);
    const auto data = folder.open();
    CHECK(data->info().classes.size() == 21);
    CHECK(data->info().classes[15] == "person");
    CHECK((class_colours(data->info()) == voc_colours(21)));
    REQUIRE(data->split(Split::Train)->size() == 2);
    CHECK(data->split(Split::Train)->facts(0).id == "JPEGImages/2007_2.jpg");
    CHECK(data->split(Split::Val)->size() == 1);
    CHECK_FALSE(data->split(Split::Test));
    CHECK(test::mask_at(*data, Split::Val, 0).flatten().equal(torch::tensor({0, 20, 255, 15}, torch::kByte)));
  }
}

TEST_CASE("VOC's masks that were made RGB are read by their colours", "[data][segmentation]") {
  const VocFolder folder("");
  folder.write("SegmentationClass/2007_3.png",
               test::colour_png({0, 0, 0, 0, 64, 128, 224, 224, 192, 192, 128, 128}, 2));
  CHECK(test::mask_at(*folder.open(), Split::Val, 0).flatten().equal(torch::tensor({0, 20, 255, 15}, torch::kByte)));
}

TEST_CASE("lists of VOC are chosen, and what is wrong with them is told", "[data][segmentation]") {
  const VocFolder folder("");
  const std::string lists = (folder / "ImageSets/Segmentation/").string();
  VocSegmentationOptions options;
  options.image_set = "trainval";
  const auto error = [&] { return user_error([&] { folder.open(options); }); };
  CHECK(error() ==
        lists +
            "trainval.txt: is not there; data.image_set, data.val_set and data.test_set name lists there; null: "
            "there is no such split");
  folder.write("ImageSets/Segmentation/trainval.txt", "2007_1\n2007_3\n");
  CHECK(error() == lists +
                       "val.txt:1: '2007_3' is in trainval.txt, too; what is learnt from must not be evaluated on: set "
                       "data.val_set: null, or other lists");
  options.val_set.reset();
  CHECK(folder.open(options)->split(Split::Train)->size() == 2);
  folder.write("ImageSets/Segmentation/trainval.txt", "2007_1\n../x\n");
  CHECK(error() == lists + "trainval.txt:2: '../x' is no name of an image");
  folder.write("ImageSets/Segmentation/trainval.txt", "2007_7\n");
  CHECK(error() == (folder / "JPEGImages/2007_7.jpg").string() +
                       ": cannot be read: No such file or directory; is the data set whole?");
  const test::TempDir none;
  CHECK(user_error([&] {
          open_voc_segmentation({}, {none.path(), {}});
        }).find(none.path().string() + ": holds no JPEGImages, neither itself nor in VOC2012") == 0);
}

}  // namespace mlrun::data

#endif
