// Feature pyramids against torchvision's (scripts/fixtures/detectors.py).
#include "models/detection/fpn.h"

#include <cmath>

#include <torch/types.h>
#include <torch/utils.h>

#include "base/files.h"
#include "models/parity.h"
#include "support.h"

using namespace mlrun;

namespace {

models::PyramidOptions pyramid_options(const Json& expected) {
  models::PyramidOptions options;
  options.in = expected.at("in").get<std::vector<int64_t>>();
  options.out = 12;
  const auto extra = expected.at("extra").get<std::string>();
  options.extra = extra == "none"   ? models::PyramidExtra::None
                  : extra == "pool" ? models::PyramidExtra::Pool
                                    : models::PyramidExtra::P6P7;
  options.extra_of_level = expected.value("of_level", false);
  if (expected.value("norm", false)) options.norm = nn::NormOptions{};
  return options;
}

nn::Tensors pyramid_levels(const Json& expected) {
  constexpr int64_t kSizes[][2] = {{13, 17}, {7, 9}, {4, 5}};
  nn::Tensors levels;
  for (const auto& channels : expected.at("in")) {
    const auto& size = kSizes[levels.size()];
    levels.push_back(test::formula({2, channels.get<int64_t>(), size[0], size[1]}));
  }
  return levels;
}

void check_near(double value, double expected) { CHECK(std::abs(value - expected) <= 1e-9 * (1 + std::abs(expected))); }

void check_maps(nn::Layer& pyramid, const Json& expected) {
  const nn::Tensors maps = pyramid.run(pyramid_levels(expected));
  REQUIRE(maps.size() == expected.at("maps").size());
  torch::Tensor loss = torch::zeros({}, torch::kDouble);
  for (std::size_t i = 0; i < maps.size(); ++i) {
    const Json& map = expected.at("maps")[i];
    CHECK(maps[i].sizes().vec() == map[0].get<std::vector<int64_t>>());
    check_near(test::projection(maps[i]), map[1].get<double>());
    loss = loss + maps[i].square().sum();
  }
  loss.backward();
  const auto parameters = pyramid.parameters();
  REQUIRE(parameters.size() == expected.at("gradients").size());
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    check_near(test::projection(parameters[i].grad()), expected.at("gradients")[i].get<double>());
  }
}

}  // namespace

TEST_CASE("feature pyramids equal torchvision's: keys, initial bits, maps, gradients", "[models][detection]") {
  const Json cases = Json::parse(read_file(test::fixture("models/pyramids/pyramids.json")));
  REQUIRE(cases.size() == 5);
  for (const auto& item : cases.items()) {
    INFO(item.key());
    const Json& expected = item.value();
    const auto pyramid = std::make_shared<models::FeaturePyramid>(pyramid_options(expected));
    nn::name_layers(*pyramid);
    nn::initialise(*pyramid, 0);
    const test::State state = nn::state_dict(*pyramid);
    std::vector<std::string> keys;
    for (const auto& entry : state) keys.push_back(entry.first);
    CHECK(keys == expected.at("keys").get<std::vector<std::string>>());
    CHECK(test::digest(state) == expected.at("initial").get<std::string>());
    CHECK(pyramid->maps() == expected.at("maps").size());
    test::widen(*pyramid);
    check_maps(*pyramid, expected);
  }
}

TEST_CASE("a pyramid stands on the levels of any backbone", "[models][detection]") {
  const torch::NoGradGuard no_grad;
  const models::Backbone backbone = models::make_backbone("mobilenet_v2");
  models::PyramidOptions options;
  options.out = 16;
  models::PyramidBackbone model(backbone, options);
  nn::name_layers(model);
  CHECK(model.channels() == 16);
  REQUIRE(model.maps() == backbone.levels.size() + 1);
  const auto maps = model.run({torch::empty({2, 3, 65, 96}, torch::kMeta)});
  REQUIRE(maps.size() == model.maps());
  for (std::size_t i = 0; i < backbone.levels.size(); ++i) {
    const int64_t stride = backbone.levels[i].stride;
    CHECK(maps[i].sizes() == torch::IntArrayRef({2, 16, (65 + stride - 1) / stride, (96 + stride - 1) / stride}));
  }
}
