#include "data/transforms/color_jitter.h"

#include "data/augment_images.h"
#include "data/image/ops.h"

using namespace mlrun;
using namespace mlrun::data;

TEST_CASE("color_jitter applies what is drawn in the order drawn", "[data][augment]") {
  const auto image = test::AugmentFixture("image_ops.json").images[2];
  const ColorJitterDraw draw{{3, 1, 0, 2}, {1.3, 0.6, 1.8, -0.1}};
  const auto expected = adjust_saturation(adjust_brightness(adjust_contrast(adjust_hue(image, -0.1), 0.6), 1.3), 1.8);
  CHECK(torch::equal(color_jitter(image, draw), expected));
  CHECK_FALSE(torch::equal(color_jitter(image, {{0, 1, 2, 3}, draw.factors}), expected));
  CHECK(torch::equal(color_jitter(image, {}), image));
  CHECK(torch::equal(color_jitter(image, {{0, 1, 2, 3}, {std::nullopt, 0.6, std::nullopt, std::nullopt}}),
                     adjust_contrast(image, 0.6)));
}

TEST_CASE("color_jitter draws factors from the range asked for", "[data][augment]") {
  // A pixel of 100 shows the factor of brightness in percent.
  const auto image = torch::full({1, 1, 1}, 100, torch::kUInt8);
  const auto range = [&](const Json& brightness) {
    const auto jitter = test::single_transform("color_jitter", {{"brightness", brightness}}, {224, 256, 1});
    int least = 255, largest = 0;
    double sum = 0;
    for (std::uint64_t i = 0; i < 2000; ++i) {
      KeyedRandom random(2, "jitter test", 0, i);
      const int value = jitter->apply(image, random).item<int>();
      least = std::min(least, value), largest = std::max(largest, value), sum += value;
    }
    return std::vector<double>{static_cast<double>(least), static_cast<double>(largest), sum / 2000};
  };
  const auto around = range({0.4});
  CHECK((around[0] == 60 && around[1] == 139));
  CHECK(around[2] == Approx(99.5).margin(2.6));  // five standard errors
  const auto given = range({0.2, 0.5});
  CHECK((given[0] == 20 && given[1] == 49));
  CHECK(range({3.0})[0] == 0);  // 1 - 3 is cut off at 0
  CHECK(range({0.0}) == std::vector<double>{100, 100, 100});
}

TEST_CASE("color_jitter checks its ranges", "[data][augment]") {
  CHECK(test::broken_rule("color_jitter", {{"contrast", {0.5, 0.1}}}) == "contrast: the smallest comes first");
  CHECK(test::broken_rule("color_jitter", {{"saturation", {1, 2, 3}}}) ==
        "saturation: takes one value, or the least and the largest factor");
  CHECK(test::broken_rule("color_jitter", {{"hue", {-0.1}}}) ==
        "hue: one value must not be negative; give the least and the largest");
  CHECK(test::broken_rule("color_jitter", {{"hue", {-0.1, 0.1}}}).empty());
  CHECK(test::user_error([] {
          test::single_transform("color_jitter", Json::object(), {224, 256, 2});
        }) == "needs images with 1 or 3 channels, but these have 2");
}
