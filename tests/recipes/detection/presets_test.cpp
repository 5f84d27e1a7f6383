#include "recipes/detection/presets.h"

#include <torch/types.h>

#include "data/batch_memory.h"
#include "data/images.h"
#include "data/scenes.h"
#include "support.h"

namespace mlrun::detection {
namespace {

using data::Fields;

/// One image of 60 x 80 pixels with two boxes.
class Things : public data::Source {
 public:
  std::int64_t size() const override { return 1; }
  data::Sample get(const data::SampleKey& key) const override {
    data::Sample sample;
    sample.id = "things";
    sample.index = key.index;
    sample.inputs.set("image", test::formula_image("gradient", 60, 80, 3));
    sample.targets = Fields{{"boxes", torch::tensor({{10.0F, 5.0F, 40.0F, 50.0F}, {30.0F, 20.0F, 70.0F, 55.0F}})},
                            {"labels", torch::tensor({3, 4}, torch::kLong)}};
    return sample;
  }
};

data::Sample prepared(const std::string& preset, std::int64_t epoch) {
  const data::Pipeline pipeline(recipes::transforms(), {test::transform_component(preset)}, {}, "data.augment",
                                {{"boxes", data::follow_boxes()}, {"labels", data::follow_rows()}});
  data::BatchMemory memory(1);
  return pipeline.sample(Things(), {0, epoch, 0}, memory);
}

}  // namespace

TEST_CASE("presets of detection give images from 0 to 1 with their boxes", "[recipes][boxes]") {
  for (const char* preset : {"detection_train", "detection_ssd", "detection_ssdlite", "detection_lsj",
                             "detection_multiscale", "detection_eval"}) {
    for (std::int64_t epoch = 0; epoch < 12; ++epoch) {
      INFO(preset << " " << epoch);
      const data::Sample sample = prepared(preset, epoch);
      const auto& image = sample.inputs.tensor("image");
      const auto& boxes = sample.targets.tensor("boxes");
      REQUIRE(image.dtype() == torch::kFloat);
      CHECK(image.min().item<float>() >= 0);
      CHECK(image.max().item<float>() <= 1);
      REQUIRE(boxes.size(0) == sample.targets.tensor("labels").size(0));
      if (boxes.size(0) == 0) continue;  // a crop of fixed size may hold nothing
      CHECK(boxes.slice(1, 0, 2).min().item<float>() >= 0);
      CHECK(boxes.select(1, 2).max().item<float>() <= static_cast<float>(image.size(2)));
      CHECK(boxes.select(1, 3).max().item<float>() <= static_cast<float>(image.size(1)));
      CHECK(data::has_area(boxes).all().item<bool>());
    }
  }
}

TEST_CASE("each preset of detection makes the sizes that it is for", "[recipes][boxes]") {
  const auto sizes = [](const std::string& preset, std::int64_t epoch) {
    const auto& image = prepared(preset, epoch).inputs.tensor("image");
    return std::pair(image.size(1), image.size(2));
  };
  bool flipped = false, kept = false, larger = false, smaller = false;
  for (std::int64_t epoch = 0; epoch < 16; ++epoch) {
    CHECK(sizes("detection_eval", epoch) == std::pair<std::int64_t, std::int64_t>(60, 80));
    CHECK(sizes("detection_train", epoch) == std::pair<std::int64_t, std::int64_t>(60, 80));
    const float left = prepared("detection_train", epoch).targets.tensor("boxes")[0][0].item<float>();
    flipped = flipped || left == 40;
    kept = kept || left == 10;
    const auto ssd = sizes("detection_ssd", epoch);
    larger = larger || ssd.first > 60;
    smaller = smaller || sizes("detection_ssdlite", epoch).first < 60;
  }
  CHECK((flipped && kept && larger && smaller));
  CHECK(sizes("detection_lsj", 0) == std::pair<std::int64_t, std::int64_t>(1024, 1024));
  const auto wide = sizes("detection_multiscale", 0);
  CHECK(wide.first >= 480);
  CHECK(wide.second == static_cast<std::int64_t>(80 * (static_cast<double>(wide.first) / 60)));
}

}  // namespace mlrun::detection
