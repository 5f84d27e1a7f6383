#ifdef MLRUN_WITH_OPENCV

#include "data/sources/coco_segmentation.h"

#include <algorithm>

#include <torch/types.h>
#include <torch/utils.h>

#include "base/files.h"
#include "data/masks.h"
#include "data/sources/voc_segmentation.h"
#include "support.h"

namespace mlrun::data {
namespace {

using test::user_error;

/// The scenes of the fixture as training data, with an image for each.
struct CocoFolder : test::TempDir {
  CocoFolder() {
    const Json scenes = Json::parse(read_file(test::fixture("data/coco_masks.json"))).at("scenes");
    Json images = Json::array(), annotations = Json::array();
    for (std::size_t i = 0; i < scenes.size(); ++i) {
      const std::int64_t height = scenes[i]["height"], width = scenes[i]["width"];
      const std::string name = std::to_string(i) + ".png";
      write("train2017/" + name,
            test::grey_png(std::vector<std::uint8_t>(static_cast<std::size_t>(height * width)), width));
      const Json image = {{"id", i}, {"file_name", name}, {"height", height}, {"width", width}};
      images.insert(images.begin(), image);  // the last one first
      for (Json object : scenes[i]["objects"]) {
        object["id"] = annotations.size() + 1;
        object["image_id"] = i;
        annotations.push_back(std::move(object));
      }
      masks.push_back(
          torch::tensor(scenes[i]["mask"].get<std::vector<std::int64_t>>(), torch::kLong).view({height, width}));
    }
    const Json categories = {
        {{"id", 1}, {"name", "person"}}, {{"id", 2}, {"name", "car"}}, {{"id", 3}, {"name", "tv"}}};
    write_instances({{"images", images}, {"annotations", annotations}, {"categories", categories}});
    options.val_annotations.reset();
    options.min_area.reset();
    options.categories = "all";
  }
  void write_instances(Json content) {
    instances = std::move(content);
    write("annotations/instances_train2017.json", json_text(instances));
  }
  std::shared_ptr<const Dataset> open() const { return open_coco_segmentation(options, {path(), {}}); }

  std::vector<torch::Tensor> masks;
  Json instances;
  CocoSegmentationOptions options;
};

}  // namespace

TEST_CASE("COCO's files are found in the places where they often lie", "[data][coco]") {
  const auto moved = [](const std::string& images, const std::string& annotations) {
    const CocoFolder folder;
    std::filesystem::create_directories((folder / images).parent_path());
    std::filesystem::rename(folder / "train2017", folder / images);
    if (annotations != "annotations") {
      std::filesystem::rename(folder / "annotations/instances_train2017.json", folder / "instances_train2017.json");
    }
    return folder.open()->split(Split::Train)->facts(0).id;
  };
  CHECK(moved("images/train2017", "annotations") == "images/train2017/0.png");
  CHECK(moved("images", "") == "images/0.png");
  CocoFolder named;
  named.options.train_images = "other";
  CHECK(user_error([&] { named.open(); }).find((named / "other/0.png").string() + ": is not there") == 0);
}

TEST_CASE("instances become masks as in torchvision's reference", "[data][coco]") {
  const CocoFolder folder;
  const auto data = folder.open();
  CHECK(data->info().classes == std::vector<std::string>{"background", "person", "car", "tv"});
  const auto train = data->split(Split::Train);
  REQUIRE(train->size() == 12);
  for (std::int64_t i = 0; i < train->size(); ++i) {
    INFO(i);
    CHECK(train->facts(i).id == "train2017/" + std::to_string(i) + ".png");
    CHECK(test::mask_at(*data, Split::Train, i).to(torch::kLong).equal(folder.masks[static_cast<std::size_t>(i)]));
  }
}

TEST_CASE("categories make classes by VOC's names, or by a map", "[data][coco]") {
  CocoFolder folder;
  const auto labels = [](const torch::Tensor& mask, const std::vector<std::int64_t>& of) {
    torch::Tensor result = mask.clone();
    for (std::int64_t i = 0; i < 4; ++i) result.masked_fill_(mask.eq(i), of[static_cast<std::size_t>(i)]);
    return result;
  };
  const auto first = [&] { return test::mask_at(*folder.open(), Split::Train, 1).to(torch::kLong); };
  folder.options.categories = "voc";
  CHECK(folder.open()->info().classes == voc_classes());
  CHECK(first().equal(labels(folder.masks[1], {0, 15, 7, 20})));
  folder.options.category_map = {{"tv", "thing"}, {"person", "person"}, {"car", "thing"}};
  CHECK(folder.open()->info().classes == std::vector<std::string>{"background", "thing", "person"});
  CHECK(first().equal(labels(folder.masks[1], {0, 2, 1, 1})));
  folder.options.category_map = {{"tvs", "thing"}};
  CHECK(user_error([&] { folder.open(); }) == "data.category_map: there is no category 'tvs' in " +
                                                  (folder / "annotations/instances_train2017.json").string() +
                                                  "; it has person, car, tv");
  folder.options.category_map.clear();
  for (auto& category : folder.instances["categories"]) category["name"] = "my " + category["name"].get<std::string>();
  folder.write_instances(folder.instances);
  CHECK(user_error([&] { folder.open(); }) ==
        (folder / "annotations/instances_train2017.json").string() +
            ": has none of the categories that PASCAL VOC and COCO share, but my person, my car, my tv; set "
            "data.categories: all, or name some by data.category_map");
}

TEST_CASE("training images of which little has a class stay out", "[data][coco]") {
  CocoFolder folder;
  folder.options.min_area = 0;
  const auto covered = [](const torch::Tensor& mask) { return mask.ne(0).any().item<bool>(); };
  const auto expected = std::count_if(folder.masks.begin(), folder.masks.end(), covered);
  REQUIRE((expected > 0 && expected < 12));
  CHECK(folder.open()->split(Split::Train)->size() == expected);
  for (auto& object : folder.instances["annotations"]) object["area"] = object["image_id"] == 4 ? 600 : 10;
  folder.write_instances(folder.instances);
  folder.options.min_area = 1000;
  const auto data = folder.open();
  REQUIRE(data->split(Split::Train)->size() == 1);
  CHECK(data->split(Split::Train)->facts(0).id == "train2017/4.png");
}

TEST_CASE("what is absent or leads elsewhere is named", "[data][coco]") {
  CocoFolder folder;
  folder.options.val_annotations = "none.json";
  CHECK(user_error([&] { folder.open(); }) ==
        (folder / "none.json").string() +
            ": is not there; data.val_annotations names the instances of val in data.root; null: there are none");
  folder.options.val_annotations.reset();
  folder.instances["images"][0]["file_name"] = "../x.png";
  folder.write_instances(folder.instances);
  CHECK(user_error([&] { folder.open(); }).find("'../x.png' leads out of the folder of images; ") != std::string::npos);
  folder.instances["images"][0]["file_name"] = "x.png";
  folder.write_instances(folder.instances);
  CHECK(user_error([&] { folder.open(); }) == (folder / "train2017/x.png").string() + ": is not there, and " +
                                                  (folder / "annotations/instances_train2017.json").string() +
                                                  " names it; data.train_images names the folder of the images");
}

TEST_CASE("COCO's own images and instances are read", "[data][coco]") {
  const auto root = test::real_data("coco-mini-permissive");
  if (!root) return;
  CocoSegmentationOptions options;
  options.train_images = "images/train2017";
  options.train_annotations = "instances_train2017.json";
  options.val_images = "images/val2017";
  options.val_annotations = "instances_val2017.json";
  const auto data = open_coco_segmentation(options, {*root, {}});
  CHECK(data->split(Split::Val)->size() == 27);
  const auto train = data->split(Split::Train);
  CHECK(train->size() > 15);
  std::int64_t people = 0;
  for (std::int64_t i = 0; i < train->size(); ++i) {
    const Sample sample = train->get({i, 0, 0});
    const auto image = sample.inputs.tensor("image");
    CHECK(sample.targets.tensor("mask").sizes() == torch::IntArrayRef({image.size(0), image.size(1)}));
    people += sample.targets.tensor("mask").eq(15).sum().item<std::int64_t>();
  }
  CHECK(people > 100000);
}

}  // namespace mlrun::data

#endif
