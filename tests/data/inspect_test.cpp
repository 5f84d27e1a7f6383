#ifdef MLRUN_WITH_OPENCV

#include "data/inspect.h"

#include <torch/types.h>

#include "data/sources/image_folder.h"
#include "data/sources/synthetic.h"
#include "data/sources/synthetic_shapes.h"
#include "support.h"

namespace mlrun::data {
namespace {

std::string plain_image(int width, int height) {
  return "P6\n" + std::to_string(width) + " " + std::to_string(height) + "\n255\n" +
         std::string(static_cast<std::size_t>(3 * width * height), '\x20');
}

}  // namespace

TEST_CASE("a folder of classes is summed up by class, split, size and kind", "[data][inspect]") {
  const test::TempDir folder;
  for (int i = 0; i < 3; ++i) folder.write("train/cat/" + std::to_string(i) + ".ppm", plain_image(10 + i, 5));
  folder.write("train/dog/x.ppm", plain_image(30, 40));
  folder.write("test/cat/y.ppm", plain_image(11, 6));
  folder.write("test/cat/bad.jpg", "no image");
  const auto data = open_image_folder({}, {folder.path(), {}});
  const Findings found = inspect_data({data, "photos", "image_folder", false, 2});
  REQUIRE(found.problems.empty());
  REQUIRE(found.json["samples"] == Json({{"train", 4}, {"test", 2}}));
  REQUIRE(found.json["classes"] ==
          Json::parse(R"([{"name":"cat","train":3,"test":2},{"name":"dog","train":1,"test":0}])"));
  REQUIRE(found.json["fingerprint"] == data->info().fingerprint);
  const Json& images = found.json["images"];
  REQUIRE(images["width"] == Json({{"min", 10}, {"median", 11}, {"max", 30}}));
  REQUIRE(images["height"] == Json({{"min", 5}, {"median", 5}, {"max", 40}}));
  REQUIRE(images["sizes"] == 5);
  REQUIRE(images["kinds"] == Json({{"PNM", 5}}));
  REQUIRE(images["unknown"] == 1);
  REQUIRE(found.text.find("5 different; width x height: smallest 10 x 5, median 11 x 5, largest 30 x 40") !=
          std::string::npos);
  REQUIRE(found.text.find("cat        3     2\n") != std::string::npos);
  REQUIRE(found.text.find("all        4     2\n") != std::string::npos);
}

TEST_CASE("of data with masks the pixels of each class are counted", "[data][inspect]") {
  const Findings found = inspect_data({open_synthetic_shapes({}, {}), "", "synthetic_shapes", false, 2});
  const Json& classes = found.json["classes"];
  REQUIRE(classes.size() == 3);
  CHECK(classes[0]["train"] == nullptr);
  std::int64_t pixels = 0;
  for (const auto& entry : classes) pixels += entry["pixels"]["val"].get<std::int64_t>();
  CHECK(pixels == found.json["samples"]["val"].get<std::int64_t>() * 64 * 64);
  CHECK(classes[0]["images"]["train"] == found.json["samples"]["train"]);
  CHECK(found.json["masks"]["ignored_pixels"]["train"] == 0);
  CHECK(found.json["masks"]["warnings"].empty());
  CHECK(found.text.find("(ignored) ") != std::string::npos);
}

/// Knows the names of classes, and which none of its samples has.
class Unlabelled : public Dataset, public Source {
 public:
  const DataInfo& info() const override { return info_; }
  std::shared_ptr<const Source> split(Split split) const override {
    return split == Split::Train ? std::shared_ptr<const Source>(std::shared_ptr<void>(), this) : nullptr;
  }
  std::int64_t size() const override { return 2; }
  SampleFacts facts(std::int64_t index) const override { return {std::to_string(index)}; }
  Sample get(const SampleKey& key) const override {
    Sample sample;
    sample.id = std::to_string(key.index);
    sample.inputs.set("image", torch::zeros({4, 4, 3}, torch::kByte));
    return sample;
  }

 private:
  DataInfo info_{"none", "", {"ground"}};
};

TEST_CASE("of data whose samples say no classes, those are named and not counted", "[data][inspect]") {
  const Findings found = inspect_data({std::make_shared<Unlabelled>(), "", "none", false, 2});
  CHECK(found.json["classes"] == Json::array({{{"name", "ground"}, {"train", nullptr}}}));
  CHECK(found.text.find("ground      -\n") != std::string::npos);
}

TEST_CASE("data that lie in no files of their own are summed up too", "[data][inspect]") {
  SyntheticOptions options;
  options.train_samples = 7;
  options.test_samples = 0;
  options.num_classes = 2;
  options.channels = 1;
  const Findings found = inspect_data({open_synthetic(options, {}), "-", "synthetic", false, 1});
  REQUIRE(found.json["images"]["kinds"] == Json({{"synthetic grey", 7}}));
  REQUIRE(found.json["classes"][0]["train"] == 4);
  REQUIRE(found.text.find("sizes        32 x 32 pixels, all") != std::string::npos);
}

}  // namespace mlrun::data

#endif
