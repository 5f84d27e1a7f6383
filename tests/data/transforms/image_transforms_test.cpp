#include "data/transforms/image_transforms.h"

#include <cmath>

#include "data/images.h"

using namespace mlrun;
using namespace mlrun::data;

namespace {

KeyedRandom draw_for_image(std::uint64_t i) { return KeyedRandom(9, "image test", 0, i); }

torch::Tensor applied(const std::string& name, const torch::Tensor& image, const Json& options = Json::object()) {
  auto random = draw_for_image(0);
  return test::single_transform(name, options, {224, 256, image.size(2)})->apply(image, random);
}

double flip_rate(const std::string& name, double p) {
  const auto flip = test::single_transform(name, {{"p", p}});
  const auto image = test::formula_image("noise", 2, 2, 3);
  constexpr int kDraws = 4000;
  int flipped = 0;
  for (int i = 0; i < kDraws; ++i) {
    auto random = draw_for_image(i);
    flipped += torch::equal(flip->apply(image, random), image) ? 0 : 1;
  }
  return static_cast<double>(flipped) / kDraws;
}

}  // namespace

TEST_CASE("flips mirror, as often as asked", "[data]") {
  for (const std::int64_t channels : {1, 3, 4}) {
    const auto image = test::formula_image("noise", 5, 7, channels);
    CHECK(torch::equal(applied("random_horizontal_flip", image, {{"p", 1.0}}), image.flip(1)));
    CHECK(torch::equal(applied("random_vertical_flip", image, {{"p", 1.0}}), image.flip(0)));
    CHECK(torch::equal(applied("random_vertical_flip", image, {{"p", 0.0}}), image));
  }
  for (const char* name : {"random_horizontal_flip", "random_vertical_flip"}) {
    CHECK(flip_rate(name, 0.5) == Approx(0.5).margin(0.04));  // five standard deviations
    CHECK(flip_rate(name, 0.1) == Approx(0.1).margin(0.025));
  }
}

TEST_CASE("no transform changes the image it is given", "[data]") {
  const auto image = test::formula_image("noise", 20, 30, 3);
  const auto before = image.clone();
  for (const auto& name : recipes::transforms().names()) {
    for (const auto& transform : recipes::transforms().make(recipes::transforms().defaults(name), {8, 10, 3})) {
      // A mosaic wants other samples, and a crop by boxes wants boxes.
      const bool alone = transform->places() != data::Places::Joined && name != "random_iou_crop";
      const bool preset = name.find("_train") != std::string::npos || name.find("_eval") != std::string::npos ||
                          name.rfind("detection_", 0) == 0 || name == "none";
      if (preset || !alone) continue;
      auto random = draw_for_image(1);
      transform->apply(transform->follows_normalize() ? image.permute({2, 0, 1}).to(torch::kFloat32) : image, random);
      INFO(name);
      CHECK(torch::equal(image, before));
    }
  }
}

TEST_CASE("resize rounds the longer side down and takes the model's size", "[data]") {
  const auto sizes = [](std::int64_t height, std::int64_t width, const Json& options) {
    return applied("resize", test::formula_image("gradient", height, width, 1), options).sizes().vec();
  };
  using Sizes = std::vector<std::int64_t>;
  CHECK(sizes(100, 150, {{"size", {32}}}) == Sizes{32, 48, 1});
  CHECK(sizes(100, 199, {{"size", {32}}}) == Sizes{32, 63, 1});  // 63.68
  CHECK(sizes(199, 100, {{"size", {32}}}) == Sizes{63, 32, 1});
  CHECK(sizes(50, 50, {{"size", {32}}}) == Sizes{32, 32, 1});
  CHECK(sizes(100, 150, {{"size", {20, 10}}}) == Sizes{20, 10, 1});
  CHECK(sizes(10, 20, Json::object()) == Sizes{256, 512, 1});
}

TEST_CASE("grayscale turns colour into luma and grey into three equal channels", "[data]") {
  const auto colours = torch::tensor({255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255}, torch::kUInt8).view({1, 4, 3});
  const auto grey = applied("grayscale", colours);
  CHECK(torch::equal(grey, torch::tensor({76, 150, 29, 255}, torch::kUInt8).view({1, 4, 1})));
  const auto three = applied("grayscale", grey, {{"num_output_channels", 3}});
  CHECK(torch::equal(three, grey.expand({1, 4, 3})));
  CHECK(torch::equal(applied("grayscale", grey), grey));
  CHECK(test::broken_rule("grayscale", {{"num_output_channels", 2}}) == "num_output_channels: must be 1 or 3");
  CHECK(test::user_error([] {
          test::single_transform("grayscale", Json::object(), {224, 256, 4});
        }) == "needs images with 1 or 3 channels, but these have 4");
}

TEST_CASE("normalize gives the bits of float32 tensor operations, for every value", "[data]") {
  const auto image = torch::arange(256).to(torch::kUInt8).view({16, 16, 1}).expand({16, 16, 3}).contiguous();
  const auto result = applied("normalize", image);
  const auto mean = torch::tensor({0.485F, 0.456F, 0.406F}).view({3, 1, 1});
  const auto deviation = torch::tensor({0.229F, 0.224F, 0.225F}).view({3, 1, 1});
  const auto expected = image.permute({2, 0, 1}).contiguous().to(torch::kFloat32).div(255).sub(mean).div(deviation);
  CHECK(result.scalar_type() == torch::kFloat32);
  CHECK(result.is_contiguous());
  CHECK(torch::equal(result, expected));
}

TEST_CASE("normalize takes one value or one per channel", "[data]") {
  const auto make = [](const Json& options, std::int64_t channels) {
    return test::user_error([&] { test::single_transform("normalize", options, {224, 256, channels}); });
  };
  CHECK(make({{"mean", {0.5, 0.5}}}, 3) == "mean: has 2 values, but the images have 3 channels; give one value, or 3");
  CHECK(make({{"mean", {0.5}}}, 1) == "std: has 3 values, but the images have 1 channel; give one value");
  CHECK(make({{"mean", Json::array()}}, 3) ==
        "mean: has 0 values, but the images have 3 channels; give one value, or 3");
  const auto image = test::formula_image("noise", 4, 4, 3);
  const auto one = applied("normalize", image, {{"mean", {0.5}}, {"std", {0.25}}});
  const auto three = applied("normalize", image, {{"mean", {0.5, 0.5, 0.5}}, {"std", {0.25, 0.25, 0.25}}});
  CHECK(torch::equal(one, three));
}

TEST_CASE("normalize refuses an image with other channels than announced", "[data]") {
  auto random = draw_for_image(0);
  const auto normalize = test::single_transform("normalize");
  CHECK_THROWS_AS(normalize->apply(test::formula_image("noise", 4, 4, 1), random), InternalError);
}
