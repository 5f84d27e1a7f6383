#include "data/transforms/random_erasing.h"

#include <cmath>

#include "data/images.h"

using namespace mlrun;
using namespace mlrun::data;

namespace {

KeyedRandom erasing_draw(std::uint64_t i) { return KeyedRandom(8, "erasing test", 0, i); }

torch::Tensor erased(const Json& options, std::uint64_t i, const torch::Tensor& image) {
  auto random = erasing_draw(i);
  return test::single_transform("random_erasing", options, {224, 256, image.size(0)})->apply(image, random);
}

}  // namespace

TEST_CASE("erased boxes keep scale and ratio, and are smaller than the image", "[data][augment]") {
  constexpr double kHeight = 200, kWidth = 300;
  double least = 1, largest = 0, narrowest = 9, widest = 0;
  int none = 0;
  for (std::uint64_t i = 0; i < 4000; ++i) {
    auto random = erasing_draw(i);
    const auto box = erasing_box(200, 300, {0.02, 0.33}, {0.3, 3.3}, random);
    if (!box) {
      ++none;
      continue;
    }
    REQUIRE((box->top >= 0 && box->left >= 0 && box->top + box->height <= 200 && box->left + box->width <= 300));
    REQUIRE((box->height < 200 && box->width < 300));
    const double share = static_cast<double>(box->height * box->width) / (kHeight * kWidth);
    const double aspect = static_cast<double>(box->height) / static_cast<double>(box->width);
    least = std::min(least, share), largest = std::max(largest, share);
    narrowest = std::min(narrowest, aspect), widest = std::max(widest, aspect);
  }
  CHECK(none == 0);
  CHECK(least == Approx(0.02).margin(0.002));
  CHECK(largest == Approx(0.33).margin(0.004));
  CHECK(narrowest == Approx(0.3).margin(0.02));
  CHECK(widest == Approx(3.3).margin(0.15));
  auto random = erasing_draw(0);
  CHECK_FALSE(erasing_box(10, 10, {1.0, 1.0}, {1.0, 1.0}, random));  // it would be the whole image
}

TEST_CASE("random_erasing gives the box its value and leaves the rest", "[data][augment]") {
  const auto image = torch::arange(1, 3 * 20 * 30 + 1, torch::kFloat32).view({3, 20, 30});
  int whole = 0;
  for (std::uint64_t i = 0; i < 50; ++i) {
    const auto result = erased({{"p", 1.0}, {"value", {-1.0, -2.0, -3.0}}}, i, image);
    const auto changed = result != image;
    whole += changed.any().item<bool>() ? 0 : 1;
    for (std::int64_t c = 0; c < 3; ++c) {
      const auto values = result[c].masked_select(changed[c]);
      CHECK((values == -static_cast<double>(c + 1)).all().item<bool>());
      CHECK(torch::equal(changed[c], changed[0]));
    }
  }
  CHECK(whole == 0);
  CHECK(torch::equal(image, torch::arange(1, 3 * 20 * 30 + 1, torch::kFloat32).view({3, 20, 30})));
}

TEST_CASE("random_erasing erases as often as asked", "[data][augment]") {
  const auto image = torch::ones({1, 9, 9});
  int changed = 0;
  for (std::uint64_t i = 0; i < 3000; ++i) changed += torch::equal(erased({{"p", 0.25}}, i, image), image) ? 0 : 1;
  CHECK(changed / 3000.0 == Approx(0.25).margin(0.04));  // five standard deviations
  CHECK(torch::equal(erased({{"p", 0.0}}, 0, image), image));
}

TEST_CASE("random values are normal, each pixel its own", "[data][augment]") {
  const auto image = torch::full({3, 200, 200}, 100.0F);
  const auto result = erased({{"p", 1.0}, {"random", true}, {"scale", {0.3, 0.33}}}, 3, image);
  const auto values = result.masked_select(result != image).to(torch::kFloat64);
  REQUIRE(values.numel() > 30000);
  CHECK(values.mean().item<double>() == Approx(0).margin(0.03));
  CHECK(values.std().item<double>() == Approx(1).margin(0.03));
  CHECK(values.abs().max().item<double>() > 3);
}

TEST_CASE("random_erasing stands after normalize and checks its options", "[data][augment]") {
  const auto pipeline = [](const std::vector<std::string>& names) {
    std::vector<config::Component> list;
    for (const auto& name : names) list.push_back(test::transform_component(name));
    return Pipeline(recipes::transforms(), list, {32, 36, 3}, "data.augment");
  };
  CHECK(test::user_error([&] {
          pipeline({"random_erasing", "normalize"});
        }) == "data.augment.0: 'random_erasing' works on normalized images; put it after 'normalize'");
  CHECK(test::user_error([&] { pipeline({"random_erasing"}); }) ==
        "data.augment.0: 'random_erasing' works on normalized images; put it after 'normalize'");
  const auto line = pipeline({"normalize", "random_erasing"});
  CHECK(line.apply(test::formula_image("noise", 8, 9, 3), {}).sizes() == torch::IntArrayRef({3, 8, 9}));
  CHECK(test::broken_rule("random_erasing", {{"scale", {0.5, 0.1}}}) == "scale: the smallest comes first");
  CHECK(test::broken_rule("random_erasing", {{"ratio", {3.0, 0.1}}}) == "ratio: the smallest comes first");
  CHECK(test::user_error([] {
          test::single_transform("random_erasing", {{"value", {1, 2}}});
        }) == "value: has 2 values, but the images have 3 channels; give one value, or 3");
}
