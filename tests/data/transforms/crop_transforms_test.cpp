#include "data/transforms/crop_transforms.h"

#include <cmath>
#include <map>
#include <set>

#include "data/images.h"

using namespace mlrun;
using namespace mlrun::data;
using Catch::Matchers::ContainsSubstring;

namespace {

/// An image whose pixel (y, x) is y * width + x, to read offsets from.
torch::Tensor numbered(std::int64_t height, std::int64_t width) {
  return torch::arange(height * width).to(torch::kUInt8).view({height, width, 1}).contiguous();
}

KeyedRandom draw(std::uint64_t i) { return KeyedRandom(5, "crop test", 0, i); }

}  // namespace

TEST_CASE("random_crop reaches every offset, evenly", "[data]") {
  const auto crop = test::single_transform("random_crop", {{"size", {3, 4}}}, {224, 256, 1});
  const auto image = numbered(5, 7);
  std::map<int, int> seen;  // by the top left pixel
  constexpr int kDraws = 6000;
  for (int i = 0; i < kDraws; ++i) {
    auto random = draw(i);
    const auto result = crop->apply(image, random);
    REQUIRE(result.sizes() == torch::IntArrayRef({3, 4, 1}));
    const int corner = result[0][0][0].item<int>();
    REQUIRE(result[2][3][0].item<int>() == corner + 2 * 7 + 3);
    ++seen[corner];
  }
  REQUIRE(seen.size() == 3 * 4);
  const double expected = kDraws / 12.0;
  for (const auto& [corner, count] : seen) {
    INFO("corner " << corner << ": " << count);
    CHECK(std::abs(count - expected) < 5 * std::sqrt(expected));  // five standard deviations
  }
}

TEST_CASE("random_crop with padding sees the border's fill and all of the image", "[data]") {
  const auto crop =
      test::single_transform("random_crop", {{"size", {4}}, {"padding", {2}}, {"fill", {255}}}, {224, 256, 1});
  const auto image = numbered(4, 4);
  std::set<int> centers;
  bool filled = false;
  for (int i = 0; i < 400; ++i) {
    auto random = draw(i);
    const auto result = crop->apply(image, random);
    centers.insert(result[2][2][0].item<int>());
    filled = filled || result[0][0][0].item<int>() == 255;
  }
  CHECK(filled);
  // Offsets 0 to 4 on each axis bring every pixel there once, and the border.
  CHECK(centers.size() == 17);
  CHECK(centers.count(255) == 1);
}

TEST_CASE("random_crop of an image that is too small", "[data]") {
  const auto image = numbered(5, 7);
  const auto crop = test::single_transform("random_crop", {{"size", {6, 6}}}, {224, 256, 1});
  auto random = draw(0);
  const std::string error = test::user_error([&] { crop->apply(image, random); });
  CHECK_THAT(error, ContainsSubstring("5 x 7") && ContainsSubstring("6 x 6") && ContainsSubstring("pad_if_needed"));
  const auto padding =
      test::single_transform("random_crop", {{"size", {6, 6}}, {"pad_if_needed", true}}, {224, 256, 1});
  std::set<std::int64_t> sums;
  for (int i = 0; i < 50; ++i) {
    auto other = draw(i);
    const auto result = padding->apply(image, other);
    REQUIRE(result.sizes() == torch::IntArrayRef({6, 6, 1}));
    sums.insert(result.sum().item<std::int64_t>());
  }
  CHECK(sums.size() > 1);
}

TEST_CASE("boxes of random_resized_crop keep scale and ratio", "[data]") {
  const std::vector<double> scale{0.2, 0.6}, ratio{0.5, 2.0};
  constexpr double kHeight = 300, kWidth = 400;
  double smallest = 1, largest = 0, narrowest = 9, widest = 0, sum = 0;
  constexpr int kDraws = 4000;
  for (int i = 0; i < kDraws; ++i) {
    auto random = draw(i);
    const Box box = random_resized_box(300, 400, scale, ratio, random);
    REQUIRE((box.top >= 0 && box.left >= 0 && box.top + box.height <= 300 && box.left + box.width <= 400));
    const double share = static_cast<double>(box.height * box.width) / (kHeight * kWidth);
    const double aspect = static_cast<double>(box.width) / static_cast<double>(box.height);
    smallest = std::min(smallest, share), largest = std::max(largest, share), sum += share;
    narrowest = std::min(narrowest, aspect), widest = std::max(widest, aspect);
  }
  CHECK(smallest == Approx(0.2).margin(0.005));
  CHECK(largest == Approx(0.6).margin(0.005));
  CHECK(narrowest == Approx(0.5).margin(0.01));
  CHECK(widest == Approx(2.0).margin(0.02));
  // Uniform, less the large and extreme ones that do not fit: the mean of 40,000 of torchvision's own boxes is 0.386.
  CHECK(sum / kDraws == Approx(0.386).margin(0.009));
}

TEST_CASE("boxes reach every offset", "[data]") {
  std::set<std::pair<std::int64_t, std::int64_t>> corners;
  for (int i = 0; i < 2000; ++i) {
    auto random = draw(i);
    const Box box = random_resized_box(8, 8, {0.25, 0.25}, {1.0, 1.0}, random);
    REQUIRE((box.height == 4 && box.width == 4));
    corners.insert({box.top, box.left});
  }
  CHECK(corners.size() == 25);
}

TEST_CASE("a shape that no attempt fits falls back to the centre", "[data]") {
  auto random = draw(0);
  const Box wide = random_resized_box(10, 1000, {0.9, 1.0}, {0.75, 4.0 / 3.0}, random);
  CHECK((wide.height == 10 && wide.width == 13 && wide.top == 0 && wide.left == 493));
  const Box tall = random_resized_box(1000, 10, {0.9, 1.0}, {0.75, 4.0 / 3.0}, random);
  CHECK((tall.height == 13 && tall.width == 10 && tall.top == 493 && tall.left == 0));
  const Box line = random_resized_box(1, 50, {0.9, 1.0}, {0.01, 0.02}, random);
  CHECK((line.height == 1 && line.width == 1));
}

TEST_CASE("random_resized_crop gives the size asked for, or the model's", "[data]") {
  const auto image = test::formula_image("noise", 33, 47, 3);
  auto random = draw(3);
  CHECK(test::single_transform("random_resized_crop", {{"size", {20, 30}}})->apply(image, random).sizes() ==
        torch::IntArrayRef({20, 30, 3}));
  CHECK(test::single_transform("random_resized_crop", Json::object(), {64, 72, 3})->apply(image, random).sizes() ==
        torch::IntArrayRef({64, 64, 3}));
  CHECK(test::single_transform("center_crop", Json::object(), {30, 72, 3})->apply(image, random).sizes() ==
        torch::IntArrayRef({30, 30, 3}));
}

TEST_CASE("options of the crops are checked together", "[data]") {
  CHECK(test::broken_rule("center_crop", {{"size", {1, 2, 3}}}) == "size: takes one value, or height and width; not 3");
  CHECK(test::broken_rule("random_crop", {{"padding", {1, 2, 3}}}) == "padding: takes 1, 2 or 4 values, not 3");
  CHECK(test::broken_rule("random_crop", {{"padding", {1, 2, 3, 4}}}).empty());
  CHECK(test::broken_rule("random_resized_crop", {{"scale", {0.5, 0.1}}}) == "scale: the smallest comes first");
  CHECK(test::broken_rule("random_resized_crop", {{"ratio", {2.0, 0.5}}}) == "ratio: the smallest comes first");
  CHECK(test::user_error([] {
          test::single_transform("random_crop", {{"fill", {1, 2}}});
        }) == "fill: has 2 values, but the images have 3 channels; give one value, or 3");
}
