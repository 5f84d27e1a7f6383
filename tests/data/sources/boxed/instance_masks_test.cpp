#ifdef MLRUN_WITH_OPENCV

#include "data/sources/boxed/instance_masks.h"

#include <torch/types.h>
#include <torch/utils.h>

#include "data/boxes.h"
#include "data/sources/boxed/boxed_images.h"
#include "data/sources/boxed/instance_values.h"
#include "support.h"

namespace mlrun::data {
namespace {

using test::user_error;

/// Two images of 4 x 3: the first with the things 2 and 7, the second with none.
struct InstanceFolder : test::TempDir {
  InstanceFolder() {
    write("images/a.png", test::blank_png(4, 3));
    write("images/b.png", test::blank_png(4, 3));
    write("masks/a.png", test::grey_png({0, 7, 7, 0,  //
                                         2, 0, 7, 0,  //
                                         2, 2, 0, 7},
                                        4));
    write("masks/b.png", test::blank_png(4, 3));
  }
  std::shared_ptr<const Dataset> open() const { return open_instance_masks(options, {path(), {}}); }
  std::string error() const {
    return user_error([&] { open(); });
  }

  InstanceMasksOptions options;
};

}  // namespace

TEST_CASE("each value of a mask is a thing with its box and its pixels", "[data][boxes]") {
  InstanceFolder folder;
  folder.options.class_name = "cell";
  const auto data = folder.open();
  CHECK(data->info().classes == std::vector<std::string>{"cell"});
  CHECK(data->info().facts.at("masks") == true);
  const Fields targets = test::targets_at(*data, Split::Train, 0);
  CHECK(targets.tensor("boxes").equal(torch::tensor({{0.F, 1.F, 2.F, 3.F}, {1.F, 0.F, 4.F, 3.F}})));
  CHECK(targets.tensor("area").equal(torch::tensor({3.0, 4.0}, torch::kDouble)));
  CHECK(targets.tensor("labels").equal(torch::zeros({2}, torch::kLong)));
  const torch::Tensor second = torch::tensor({{0, 1, 1, 0}, {0, 0, 1, 0}, {0, 0, 0, 1}}, torch::kByte);
  CHECK(targets.tensor("masks")[1].equal(second));
  CHECK(test::targets_at(*data, Split::Train, 1).tensor("masks").sizes() == torch::IntArrayRef({0, 3, 4}));
}

TEST_CASE("a thing of several columns and one to the last pixel have tight boxes", "[data][boxes]") {
  const torch::Tensor values = torch::tensor({{5, 0, 3}, {5, 5, 3}, {5, 0, 3}}, torch::kInt);
  const auto things = things_of_values(values);
  REQUIRE(things.size() == 2);
  CHECK((things[0].shape == 3 && things[1].shape == 5));
  CHECK(things[0].box == std::array<double, 4>{2, 0, 3, 3});
  CHECK(things[0].runs.counts == std::vector<std::uint32_t>{6, 3});
  CHECK(things[1].box == std::array<double, 4>{0, 0, 2, 3});
  CHECK(things[1].runs.counts == std::vector<std::uint32_t>{0, 3, 1, 1, 4});
  CHECK(things_of_values(torch::zeros({2, 2}, torch::kInt)).empty());
}

TEST_CASE("a folder for each image has a mask for each thing", "[data][boxes]") {
  const test::TempDir folder;
  for (const std::string name : {"one", "two"}) {
    folder.write(name + "/images/" + name + ".png", test::blank_png(2, 2));
    folder.write(name + "/masks/x.png", test::grey_png({255, 0, 0, 0}, 2));
  }
  folder.write("two/masks/y.png", test::grey_png({0, 0, 255, 255}, 2));
  folder.write("train.txt", "two\n");
  folder.write("val.txt", "one\n");
  const auto data = open_instance_masks({}, {folder.path(), {}});
  CHECK(test::targets_at(*data, Split::Val, 0).tensor("boxes").equal(torch::tensor({{0.F, 0.F, 1.F, 1.F}})));
  const torch::Tensor boxes = test::targets_at(*data, Split::Train, 0).tensor("boxes");
  CHECK(boxes.equal(torch::tensor({{0.F, 0.F, 1.F, 1.F}, {0.F, 1.F, 2.F, 2.F}})));

  const InstanceFolder beside;
  std::filesystem::remove(beside / "masks/b.png");
  beside.write("masks/b/1.png", test::grey_png(std::vector<std::uint8_t>(12, 9), 4));
  CHECK(test::targets_at(*beside.open(), Split::Train, 1).tensor("area").item<double>() == 12);
}

TEST_CASE("masks that are none of things are named", "[data][boxes]") {
  InstanceFolder folder;
  std::filesystem::remove(folder / "masks/b.png");
  CHECK(folder.error() ==
        (folder / "images/b.png").string() +
            ": has neither a mask 'masks/b.png' nor a folder of masks 'masks/b'; masks have their images' names; "
            "data.masks names their folder, data.mask_suffix what their names have more");
  folder.write("masks/b.png", test::colour_png(std::vector<std::uint8_t>(36, 3), 4));
  CHECK(folder.error() == (folder / "masks/b.png").string() +
                              ": is a colour image, and the values of a mask are numbers of things; write it as grey "
                              "PNG of 8 or 16 bits, 0 for the ground");
  folder.write("masks/b.png", test::grey_png({0, 1, 1, 0}, 2));
  CHECK(folder.error() == (folder / "masks/b.png").string() +
                              ": shape 1, 'object', has a mask of 2x2 pixels, and its image is of 4x3; masks have the "
                              "sizes of their images");
  folder.write("masks/b.png", "no image");
  CHECK(folder.error() ==
        (folder / "masks/b.png").string() +
            ": is no PNG, which masks are; write masks as palette or grey PNG, whose values are classes");
  const test::TempDir empty;
  CHECK(user_error([&] {
          open_instance_masks({}, {empty.path(), {}});
        }) ==
        empty.path().string() +
            ": holds no images with masks; data.images and data.masks name the two folders, in it or in a folder for "
            "each image");
}

TEST_CASE("real nuclei are counted by their values", "[data][boxes]") {
  const auto folder = test::real_data("nuclei-dsb2018");
  if (!folder) return;
  InstanceMasksOptions options;
  options.masks = "instances";
  const auto data = open_instance_masks(options, {*folder, {}});
  const auto count = [&](Split split) {
    std::int64_t things = 0;
    const auto source = data->split(split);
    for (std::int64_t i = 0; i < source->size(); ++i) {
      things += static_cast<std::int64_t>(source->facts(i).labels.size());
    }
    return things;
  };
  CHECK(count(Split::Val) == 1467);
  CHECK(count(Split::Test) == 1975);
}

}  // namespace mlrun::data

#endif
