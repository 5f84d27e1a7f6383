#include "metrics/coco/shapes.h"

#include <random>

#include "support.h"

namespace mlrun::metrics {
namespace {

using data::RunLengths;

RunLengths runs(const std::vector<char>& pixels, std::int64_t height) {
  std::vector<std::uint32_t> counts;
  char last = 0;
  std::uint32_t length = 0;
  for (const char pixel : pixels) {
    if (pixel != last) counts.push_back(std::exchange(length, 0));
    last = pixel;
    ++length;
  }
  counts.push_back(length);
  return {height, static_cast<std::int64_t>(pixels.size()) / height, counts};
}

}  // namespace

TEST_CASE("the pixels that two masks share are those of the pixels themselves", "[metrics][coco]") {
  std::mt19937 random(3);
  for (int round = 0; round < 300; ++round) {
    const std::int64_t height = 1 + static_cast<std::int64_t>(random() % 9),
                       width = 1 + static_cast<std::int64_t>(random() % 9);
    std::vector<char> a, b;
    std::int64_t shared = 0;
    const auto often = 1 + random() % 4;
    for (std::int64_t i = 0; i < height * width; ++i) {
      a.push_back(random() % 5 < often ? 1 : 0), b.push_back(random() % 3 == 0 ? 1 : 0);
      shared += a.back() == 1 && b.back() == 1 ? 1 : 0;
    }
    CHECK(shared_pixels(runs(a, height), runs(b, height)) == shared);
    CHECK(shared_pixels(runs(b, height), runs(a, height)) == shared);
    CHECK(shared_pixels(runs(a, height), runs(a, height)) == runs(a, height).area());
  }
  CHECK(shared_pixels({2, 3, {0, 6}}, {3, 2, {0, 6}}) == 0);
  CHECK(shared_pixels({2, 3, {}}, {2, 3, {0, 6}}) == 0);
}

TEST_CASE("a detection's area is its box's, its mask's, or that around its keypoints", "[metrics][coco]") {
  CocoShape shape;
  shape.box = {5, 6, 7, 8};
  shape.mask = {2, 3, {1, 4, 1}};
  shape.keypoints = {1, 10, 1, 4, 12, 1, 2, 30, 0};
  CHECK(area_of(CocoKind::Boxes, shape) == 56);
  CHECK(area_of(CocoKind::Masks, shape) == 4);
  CHECK(area_of(CocoKind::Keypoints, shape) == 60);
  CHECK(area_of(CocoKind::Keypoints, {}) == 0);
}

TEST_CASE("thresholds and recalls are numpy's", "[metrics][coco]") {
  const auto settings = CocoSettings::of(CocoKind::Boxes);
  CHECK(settings.thresholds[3] == .65);
  CHECK(settings.thresholds[2] == .6);
  CHECK(settings.thresholds.back() == .95);
  CHECK(settings.recalls[29] == 29 * .01);
  CHECK(settings.recalls.back() == 1);
  CHECK(settings.threshold(.75) == 5);
  CHECK(settings.threshold(.77) == 10);
}

}  // namespace mlrun::metrics
