// Anchors and default boxes as torchvision places them (scripts/fixtures/boxes.py).
#include "nn/boxes/anchors.h"

#include <torch/types.h>
#include <torch/utils.h>

#include "nn/boxes/cases.h"

using namespace mlrun;

namespace {

std::vector<torch::Tensor> maps_of(const Json& expected, torch::ScalarType type) {
  std::vector<torch::Tensor> maps;
  for (const Json& size : expected.at("maps")) maps.push_back(torch::zeros({1, 1, size[0], size[1]}, type));
  return maps;
}

}  // namespace

TEST_CASE("anchors stand where torchvision's stand", "[nn][boxes]") {
  for (const Json& expected : test::box_cases("anchors")) {
    const nn::AnchorGenerator generator(expected.at("sizes").get<std::vector<std::vector<double>>>(),
                                        expected.at("ratios").get<std::vector<std::vector<double>>>());
    for (const char* type : {"float32", "float64"}) {
      const auto maps = maps_of(expected, test::type_named(type));
      const auto anchors = generator(maps, expected.at("picture")[0], expected.at("picture")[1]);
      REQUIRE(anchors.size() == maps.size());
      for (std::size_t i = 0; i < maps.size(); ++i) {
        CHECK(anchors[i].size(0) == maps[i].numel() * generator.per_place()[i]);
      }
      CHECK(test::digest(torch::cat(anchors)) == expected.at(type));
    }
  }
}

TEST_CASE("default boxes stand where torchvision's stand", "[nn][boxes]") {
  for (const Json& expected : test::box_cases("default_boxes")) {
    const Json& given = expected.at("options");
    nn::DefaultBoxOptions options;
    options.ratios = given.at("aspect_ratios").get<std::vector<std::vector<std::int64_t>>>();
    options.min_ratio = given.value("min_ratio", options.min_ratio);
    options.max_ratio = given.value("max_ratio", options.max_ratio);
    options.scales = given.value("scales", options.scales);
    options.steps = given.value("steps", options.steps);
    options.clip = given.value("clip", true);
    const nn::DefaultBoxes generator(options);
    for (const char* type : {"float32", "float64"}) {
      const auto boxes =
          generator(maps_of(expected, test::type_named(type)), expected.at("picture")[0], expected.at("picture")[1]);
      CHECK(test::digest(boxes) == expected.at(type));
    }
  }
}
