#ifdef MLRUN_WITH_OPENCV

#include "data/sources/cityscapes.h"

#include <torch/types.h>
#include <torch/utils.h>

#include "data/class_colours.h"
#include "data/masks.h"
#include "support.h"

namespace mlrun::data {
namespace {

struct StreetFolder : test::TempDir {
  StreetFolder() {
    for (const char* name : {"train/aachen/aachen_1", "train/ulm/ulm_2", "val/bonn/bonn_3"}) {
      write("leftImg8bit/" + std::string(name) + "_leftImg8bit.png", test::grey_png(std::vector<std::uint8_t>(35), 7));
      std::vector<std::uint8_t> ids;
      for (std::uint8_t id = 0; id < 34; ++id) ids.push_back(id);
      ids.push_back(255);
      write("gtFine/" + std::string(name) + "_gtFine_labelIds.png", test::grey_png(ids, 7));
      write("gtFine/" + std::string(name) + "_gtFine_color.png", "not read");
    }
  }
  std::shared_ptr<const Dataset> open(const CityscapesOptions& options = {}) const {
    return open_cityscapes(options, {path(), {}});
  }
};

}  // namespace

TEST_CASE("labelIds of Cityscapes are its 19 trainIds", "[data][segmentation]") {
  const StreetFolder folder;
  const auto data = folder.open();
  REQUIRE(data->info().classes.size() == 19);
  CHECK(data->info().classes[6] == "traffic light");
  CHECK((class_colours(data->info())[13] == Colour{0, 0, 142}));
  CHECK(data->split(Split::Train)->size() == 2);
  CHECK_FALSE(data->split(Split::Test));
  CHECK(data->split(Split::Val)->facts(0).id == "leftImg8bit/val/bonn/bonn_3_leftImg8bit.png");
  const std::vector<std::int64_t> expected = {255, 255, 255, 255, 255, 255, 255, 0,  1,  255, 255, 2,
                                              3,   4,   255, 255, 255, 5,   255, 6,  7,  8,   9,   10,
                                              11,  12,  13,  14,  15,  255, 255, 16, 17, 18,  255};
  CHECK(test::mask_at(*data, Split::Val, 0).flatten().to(torch::kLong).equal(torch::tensor(expected, torch::kLong)));
}

TEST_CASE("Cityscapes' trainIds are read by choice", "[data][segmentation]") {
  const StreetFolder folder;
  CityscapesOptions options;
  options.labels = "labelTrainIds";
  CHECK(test::user_error([&] {
          folder.open(options);
        }).find("aachen_1_gtFine_labelTrainIds.png: cannot be read: No such file") != std::string::npos);
  for (const char* name : {"train/aachen/aachen_1", "train/ulm/ulm_2", "val/bonn/bonn_3"}) {
    folder.write("gtFine/" + std::string(name) + "_gtFine_labelTrainIds.png",
                 test::grey_png(std::vector<std::uint8_t>(35, 18), 7));
  }
  CHECK(test::mask_at(*folder.open(options), Split::Train, 1).eq(18).all().item<bool>());
}

TEST_CASE("a folder without Cityscapes is told what it looks like", "[data][segmentation]") {
  const test::TempDir none;
  CHECK(test::user_error([&] {
          open_cityscapes({}, {none.path(), {}});
        }) ==
        none.path().string() +
            ": holds no images of Cityscapes; they lie in leftImg8bit/train/CITY/..._leftImg8bit.png, their masks in "
            "gtFine/train/CITY");
}

}  // namespace mlrun::data

#endif
