#ifdef MLRUN_WITH_OPENCV

#include "data/sources/segmentation_folder.h"

#include <torch/types.h>
#include <torch/utils.h>

#include "base/files.h"
#include "report/png.h"
#include "support.h"

namespace mlrun::data {
namespace {

using test::TempDir;
using test::user_error;

std::string grey(const std::vector<std::uint8_t>& values, std::int64_t width) {
  return report::png(values.data(), width, static_cast<std::int64_t>(values.size()) / width, 1);
}

/// Four images of 2 x 2 pixels with masks of 0 and 255.
struct Folder : TempDir {
  Folder() {
    for (const char* name : {"a", "b", "c", "d"}) {
      write(std::string("images/") + name + ".png", grey({1, 2, 3, 4}, 2));
      write(std::string("masks/") + name + ".png", grey({0, 255, 0, 0}, 2));
    }
  }
  std::shared_ptr<const Dataset> open(const SegmentationFolderOptions& options = {},
                                      const config::SplitOptions& split = {}) const {
    return open_segmentation_folder(options, {path(), split});
  }
  std::string error(const SegmentationFolderOptions& options = {}) const {
    return user_error([&] { open(options); });
  }
};

torch::Tensor mask_of(const Dataset& data, Split split, std::int64_t index) {
  return data.split(split)->get({index, 0, 0}).targets.tensor("mask");
}

TEST_CASE("masks of 0 and 255 are background and foreground", "[data][segmentation]") {
  const Folder folder;
  const auto data = folder.open();
  CHECK(data->info().classes == std::vector<std::string>{"background", "foreground"});
  REQUIRE(data->split(Split::Train)->size() == 4);
  CHECK_FALSE(data->split(Split::Val));
  CHECK(mask_of(*data, Split::Train, 1).equal(torch::tensor({0, 1, 0, 0}, torch::kByte).view({2, 2})));
  CHECK(data->split(Split::Train)->facts(0).labels.empty());
}

TEST_CASE("lists and folders are splits, and else parts of the whole", "[data][segmentation]") {
  Folder folder;
  folder.write("train.txt", "a\nb.png\n\n");
  folder.write("test.txt", "d\r\n");
  const auto listed = folder.open();
  CHECK(listed->split(Split::Train)->size() == 2);
  CHECK_FALSE(listed->split(Split::Val));
  CHECK(listed->split(Split::Test)->facts(0).id == "images/d.png");
  folder.write("val.txt", "a\nnone\n");
  CHECK(folder.error() == (folder / "val.txt").string() +
                              ":2: there is no image 'none'; lists name images, with or without their endings");

  TempDir split;
  for (const char* name : {"train/x", "val/y"}) {
    split.write(std::string("images/") + name + ".png", grey({1}, 1));
    split.write(std::string("masks/") + name + ".png", grey({0}, 1));
  }
  const auto folders = open_segmentation_folder({}, {split.path(), {}});
  CHECK(folders->split(Split::Val)->facts(0).id == "images/val/y.png");

  config::SplitOptions shares;
  shares.val = 0.25;
  const Folder pool;
  CHECK(pool.open({}, shares)->split(Split::Val)->size() == 1);
}

TEST_CASE("values stand for classes as the recipe says", "[data][segmentation]") {
  Folder folder;
  folder.write("masks/a.png", grey({0, 1, 2, 255}, 2));
  SegmentationFolderOptions options;
  CHECK(folder.error().find("data.classes: is not set, and the masks have the values 0, 1, 2, 255; ") == 0);
  options.classes = {"none", "cat", "dog"};
  const auto values = [&] { return mask_of(*folder.open(options), Split::Train, 0).flatten(); };
  CHECK(values().equal(torch::tensor({0, 1, 2, 255}, torch::kByte)));
  options.values = {1, 2, 0};
  CHECK(values().equal(torch::tensor({2, 0, 1, 255}, torch::kByte)));
  options.values.clear();
  options.classes = {"cat", "dog"};
  options.reduce_zero_label = true;
  CHECK(values().equal(torch::tensor({255, 0, 1, 255}, torch::kByte)));
  options.reduce_zero_label = false;
  CHECK(user_error([&] { values(); }) ==
        (folder / "masks/a.png").string() +
            ": has the value 2, which no class has: there are 2 classes; name all by data.classes, their values by "
            "data.values, and what counts for nothing by data.ignore_index");
}

TEST_CASE("what does not go together is named before training", "[data][segmentation]") {
  Folder folder;
  folder.write("masks/b.png", grey({0, 0}, 2));
  CHECK(folder.error() == (folder / "masks/b.png").string() +
                              ": is of 2x1 pixels, and its image of 2x2; masks have the sizes of their images");
  std::filesystem::remove(folder / "masks/b.png");
  CHECK(folder.error() == (folder / "images/b.png").string() +
                              ": has no mask 'masks/b.png'; masks have their images' names; data.masks names their "
                              "folder");
}

}  // namespace
}  // namespace mlrun::data

#endif
