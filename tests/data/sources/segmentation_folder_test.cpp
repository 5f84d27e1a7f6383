#ifdef MLRUN_WITH_OPENCV

#include "data/sources/segmentation_folder.h"

#include <torch/types.h>
#include <torch/utils.h>

#include "base/files.h"
#include "data/class_colours.h"
#include "data/masks.h"
#include "support.h"

namespace mlrun::data {
namespace {

using test::TempDir;
using test::user_error;

/// Four images of 2 x 2 pixels with masks of 0 and 255.
struct Folder : TempDir {
  Folder() {
    for (const char* name : {"a", "b", "c", "d"}) {
      write(std::string("images/") + name + ".png", test::grey_png({1, 2, 3, 4}, 2));
      write(std::string("masks/") + name + ".png", test::grey_png({0, 255, 0, 0}, 2));
    }
  }
  std::shared_ptr<const Dataset> open(const SegmentationFolderOptions& options = {},
                                      const config::SplitOptions& split = {}) const {
    return open_segmentation_folder(options, {path(), split});
  }
  std::string error(const SegmentationFolderOptions& options = {}) const {
    return user_error([&] { test::mask_at(*open(options), Split::Train, 0); });
  }
};

TEST_CASE("masks of 0 and 255 are background and foreground", "[data][segmentation]") {
  const Folder folder;
  const auto data = folder.open();
  CHECK(data->info().classes == std::vector<std::string>{"background", "foreground"});
  REQUIRE(data->split(Split::Train)->size() == 4);
  CHECK_FALSE(data->split(Split::Val));
  CHECK(test::mask_at(*data, Split::Train, 1).equal(torch::tensor({0, 1, 0, 0}, torch::kByte).view({2, 2})));
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
    split.write(std::string("images/") + name + ".png", test::grey_png({1}, 1));
    split.write(std::string("masks/") + name + ".png", test::grey_png({0}, 1));
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
  folder.write("masks/a.png", test::grey_png({0, 1, 2, 255}, 2));
  SegmentationFolderOptions options;
  CHECK(folder.error().find("data.classes: is not set, and the masks have the values 0, 1, 2, 255; ") == 0);
  options.classes = {"none", "cat", "dog"};
  const auto values = [&] { return test::mask_at(*folder.open(options), Split::Train, 0).flatten(); };
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
            ": has the value 2, which no class has: there are 2 classes; where masks count the classes from 1, set "
            "data.reduce_zero_label: true (0 then counts for nothing); else name one more class");
}

TEST_CASE("what does not go together is named before training", "[data][segmentation]") {
  Folder folder;
  folder.write("masks/b.png", test::grey_png({0, 0}, 2));
  CHECK(folder.error() == (folder / "masks/b.png").string() +
                              ": is of 2x1 pixels, and its image of 2x2; masks have the sizes of their images");
  std::filesystem::remove(folder / "masks/b.png");
  CHECK(folder.error() == (folder / "images/b.png").string() +
                              ": has no mask 'masks/b.png'; masks have their images' names; data.masks names their "
                              "folder, data.mask_suffix what their names have more");
}

TEST_CASE("colours stand for classes as the recipe or a table says", "[data][segmentation]") {
  Folder folder;
  for (const char* name : {"a", "b", "c", "d"}) {
    folder.write(std::string("masks/") + name + ".png",
                 test::colour_png({0, 0, 0, 128, 64, 128, 128, 64, 128, 9, 9, 9}, 2));
  }
  CHECK(folder.error() ==
        (folder / "masks/a.png").string() +
            ": is a colour image, and the values of a mask are numbers of classes; name the classes' "
            "colours by data.palette or data.class_table (name,r,g,b), or write it as palette or grey "
            "PNG");
  SegmentationFolderOptions options;
  options.classes = {"none", "road"};
  options.palette = {"0 0 0", "#804080"};
  CHECK(folder.error(options) ==
        (folder / "masks/a.png").string() +
            ": has the colour #090909, which no class has: there are 2 classes; name the colour of each class; in "
            "data.class_table a row without a name counts for nothing");
  options = {};
  options.class_table = folder.write("classes.csv", "name,r,g,b\nroad,128,64,128\nnone,0,0,0\n,9,9,9\n");
  const auto data = folder.open(options);
  CHECK(data->info().classes == std::vector<std::string>{"road", "none"});
  CHECK((class_colours(data->info()) == std::vector<Colour>{{128, 64, 128}, {0, 0, 0}}));
  CHECK(test::mask_at(*data, Split::Train, 2).flatten().equal(torch::tensor({1, 0, 0, 255}, torch::kByte)));
}

TEST_CASE("masks may have more in their names, and grey or palette files beside colours", "[data][segmentation]") {
  Folder folder;
  std::filesystem::remove_all(folder / "masks");
  for (const char* name : {"a", "b", "c", "d"}) {
    folder.write(std::string("masks/") + name + "_L.png", test::grey_png({0, 7, 7, 0}, 2));
  }
  SegmentationFolderOptions options;
  options.class_table = folder.write("classes.csv", "name,value,r,g,b\nroad,7,1,2,3\n,0,0,0,0\n");
  options.mask_suffix = "_L";
  CHECK(test::mask_at(*folder.open(options), Split::Train, 0)
            .flatten()
            .equal(torch::tensor({255, 0, 0, 255}, torch::kByte)));
  options.mask_suffix = "_M";
  CHECK(folder.error(options).find("has no mask 'masks/a_M.png'; ") != std::string::npos);
}

TEST_CASE("usual mistakes of masks are called by their names", "[data][segmentation]") {
  Folder folder;
  SegmentationFolderOptions options;
  options.classes = {"background", "aeroplane", "bicycle"};
  const auto hint = [&](const std::string& mask) {
    folder.write("masks/a.png", mask);
    const std::string text = folder.error(options);
    return text.substr(text.find("; ") + 2);
  };
  const std::string rgb = hint(test::colour_png({0, 0, 0, 128, 0, 0, 0, 128, 0, 224, 224, 192}, 2));
  CHECK(rgb ==
        "its colours are those of PASCAL VOC, as where a palette image was read as RGB: set data.palette: voc, or "
        "write palettes as they are (Pillow's mode P)");
  CHECK(
      hint(test::grey_png({0, 38, 75, 0}, 2)) ==
      "they are the greys of a palette's colours: the masks were made grey; write palettes as they are (Pillow's mode "
      "P, no convert)");
  CHECK(hint(test::grey_png({3, 1, 2, 1}, 2)).find("where masks count the classes from 1") == 0);
  CHECK(hint(test::grey_png({4, 1, 2, 1}, 2)).find("name all by data.classes") == 0);
  options.palette = {"voc"};
  std::vector<std::uint8_t> mixed;
  for (int i = 0; i < 100; ++i) mixed.insert(mixed.end(), {static_cast<std::uint8_t>(i), 3, 4});
  folder.write("images/a.png", test::grey_png(std::vector<std::uint8_t>(100), 10));
  CHECK((hint(test::colour_png(mixed, 10)).find("they look mixed, as where masks were resized smoothly") == 0));
}

TEST_CASE("parts of a split of its own are held out where they are asked for", "[data][segmentation]") {
  Folder folder;
  folder.write("train.txt", "a\nb\nc\n");
  folder.write("test.txt", "d\n");
  config::SplitOptions shares;
  shares.val = 0.34;
  const auto data = folder.open({}, shares);
  CHECK(data->split(Split::Train)->size() == 2);
  CHECK(data->split(Split::Val)->size() == 1);
  CHECK(data->split(Split::Test)->facts(0).id == "images/d.png");
  shares.test = 0.2;
  CHECK(user_error([&] { folder.open({}, shares); }) ==
        "data.split.test: the data set has a test split of its own; remove this share");
}

}  // namespace
}  // namespace mlrun::data

#endif
