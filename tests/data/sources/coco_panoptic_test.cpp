#ifdef MLRUN_WITH_OPENCV

#include "data/sources/coco_panoptic.h"

#include <torch/types.h>
#include <torch/utils.h>

#include "base/files.h"
#include "data/class_colours.h"
#include "data/image/mask.h"
#include "data/masks.h"
#include "data/sources/panoptic_annotations.h"
#include "support.h"

namespace mlrun::data {
namespace {

using test::user_error;

/// One image of 2 x 2 pixels with the segments 7 (grass), 300 (cat) and 65536 (cat), and a pixel of none.
struct PanopticFolder : test::TempDir {
  PanopticFolder() {
    write("train2017/a.png", test::grey_png({1, 2, 3, 4}, 2));
    write("annotations/panoptic_train2017/a_mask.png", test::colour_png({7, 0, 0, 44, 1, 0, 0, 0, 1, 0, 0, 0}, 2));
    write_annotations(R"({"id": 7, "category_id": 9}, {"id": 300, "category_id": 2}, {"id": 65536, "category_id": 2})");
    options.val_annotations.reset();
  }
  void write_annotations(const std::string& segments) const {
    write("annotations/panoptic_train2017.json",
          R"({"images": [{"id": 3, "file_name": "a.png"}], "annotations": [{"image_id": 3, "file_name": "a_mask.png",
              "segments_info": [)" +
              segments + R"(]}], "categories": [{"id": 2, "name": "cat", "color": [1, 2, 3]},
              {"id": 9, "name": "grass", "color": [4, 5, 6]}]})");
  }
  std::shared_ptr<const Dataset> open() const { return open_coco_panoptic(options, {path(), {}}); }
  torch::Tensor mask() const { return test::mask_at(*open(), Split::Train, 0).flatten(); }

  CocoPanopticOptions options;
};

}  // namespace

TEST_CASE("segments of panoptic masks are classes by their categories", "[data][coco]") {
  PanopticFolder folder;
  const auto data = folder.open();
  CHECK(data->info().classes == std::vector<std::string>{"cat", "grass"});
  CHECK((class_colours(data->info()) == std::vector<Colour>{{1, 2, 3}, {4, 5, 6}}));
  CHECK(data->split(Split::Train)->facts(0).id == "train2017/a.png");
  CHECK(folder.mask().equal(torch::tensor({1, 0, 0, 255}, torch::kByte)));
  folder.options.category_map = {{"grass", "green"}};
  CHECK(folder.open()->info().classes == std::vector<std::string>{"green"});
  CHECK(folder.mask().equal(torch::tensor({0, 255, 255, 255}, torch::kByte)));
}

TEST_CASE("panoptic masks and annotations that do not belong together are refused", "[data][coco]") {
  PanopticFolder folder;
  folder.write_annotations(R"({"id": 7, "category_id": 9}, {"id": 300, "category_id": 2})");
  CHECK(user_error([&] { folder.mask(); }) ==
        (folder / "annotations/panoptic_train2017/a_mask.png").string() +
            ": has the segment 65536, which its annotation does not have; masks and annotations belong together");
  folder.write_annotations(R"({"id": 7, "category_id": 8}, {"id": 300})");
  CHECK(user_error([&] {
          folder.open();
        }).find("a segment of the image 3 has no id of 0 to 16777215 or no category_id") != std::string::npos);
  folder.write_annotations(R"({"id": 7, "category_id": 8})");
  CHECK(user_error([&] {
          folder.open();
        }).find("segment 7 of the image 3 is of the category 8; there is none of this id") != std::string::npos);
  folder.options.train_masks = "../x";
  folder.write_annotations(R"({"id": 7, "category_id": 9})");
  CHECK(user_error([&] { folder.open(); }).find("leads out of it") != std::string::npos);
  CHECK(user_error([] { read_panoptic("[]", "p.json"); }).find("p.json: is no JSON of COCO's panoptic form; ") == 0);
}

TEST_CASE("COCO's panoptic masks are its semantic ones", "[data][coco]") {
  const auto root = test::real_data("coco-mini-permissive");
  if (!root) return;
  CocoPanopticOptions options;
  options.train_images = "images/train2017";
  options.train_annotations = "panoptic_train2017.json";
  options.train_masks = "panoptic/train2017";
  options.val_annotations.reset();
  const auto data = open_coco_panoptic(options, {*root, {}});
  CHECK(data->info().classes.size() == 133);
  CHECK((class_colours(data->info()).front() == Colour{128, 0, 0}));  // the file has none
  const auto categories = read_panoptic(read_file(*root / "panoptic_train2017.json"), "p.json").categories;
  const auto train = data->split(Split::Train);
  REQUIRE(train->size() == 26);
  for (std::int64_t i = 0; i < train->size(); i += 5) {
    const auto name = std::filesystem::path(train->facts(i).id).stem().string() + ".png";
    const auto expected = decode_mask(read_file(*root / "semantic_masks/train2017" / name), name).values;
    const auto mask = test::mask_at(*data, Split::Train, i).to(torch::kInt);
    auto ids = torch::zeros_like(mask);
    for (std::size_t c = 0; c < categories.size(); ++c) {
      ids.masked_fill_(mask.eq(static_cast<std::int64_t>(c)), categories[c].id);
    }
    INFO(name);
    CHECK(ids.equal(expected));
  }
}

}  // namespace mlrun::data

#endif
