#include "data/transforms/follower.h"

#include "data/image/reader.h"
#include "data/scenes.h"

using namespace mlrun;
using namespace mlrun::data;

namespace {

torch::Tensor floats(std::vector<std::vector<double>> rows) {
  std::vector<torch::Tensor> tensors;
  for (const auto& row : rows) tensors.push_back(torch::tensor(row, torch::kFloat));
  return torch::stack(tensors);
}

}  // namespace

TEST_CASE("boxes are cropped, scaled, mirrored and clipped", "[data][scene]") {
  const auto boxes = floats({{2, 3, 10, 7}, {0, 0, 1, 1}, {12, 2, 30, 9}});
  const auto follow = [&](const Window& window) { return follow_boxes()->follow(window, boxes); };
  Window window(20, 30);
  window.crop({1, 2, 8, 12});
  CHECK(torch::equal(follow(window), floats({{0, 2, 8, 6}, {0, 0, 0, 0}, {10, 1, 12, 8}})));
  REQUIRE(window.resize(16, 6, Interpolation::Bilinear));
  CHECK(torch::equal(follow(window), floats({{0, 4, 4, 12}, {0, 0, 0, 0}, {5, 2, 6, 16}})));
  window.mirror();
  CHECK(torch::equal(follow(window), floats({{2, 4, 6, 12}, {6, 0, 6, 0}, {0, 2, 1, 16}})));
  REQUIRE(window.frame({-3, -4, 20, 12}, {0}));  // a margin of 3 above, 4 on the left, 2 on the right, 1 below
  CHECK(torch::equal(follow(window), floats({{6, 7, 10, 15}, {10, 3, 10, 3}, {4, 5, 5, 19}})));
}

TEST_CASE("boxes without area are found, and rows of all fields dropped together", "[data][scene]") {
  Fields targets = test::formula_targets(10, 10);
  targets.set("boxes", floats({{1, 1, 4, 4}, {2, 2, 2, 8}, {3, 3, 3.5, 9}}));
  const auto kept = has_area(targets.tensor("boxes"));
  CHECK(torch::equal(kept, torch::tensor({true, false, true})));
  CHECK(torch::equal(has_area(targets.tensor("boxes"), 1), torch::tensor({true, false, false})));
  keep_rows(targets, {"boxes", "labels", "things", "absent"}, kept);
  CHECK(torch::equal(targets.tensor("labels"), torch::tensor({4, 6}, torch::kLong)));
  CHECK(targets.tensor("things").sizes() == torch::IntArrayRef({2, 10, 10}));
  CHECK(has_area(torch::zeros({0, 4})).sizes() == torch::IntArrayRef({0}));
  Window window(10, 10);
  window.mirror();
  CHECK(follow_boxes()->follow(window, torch::zeros({0, 4})).sizes() == torch::IntArrayRef({0, 4}));
}

TEST_CASE("keypoints leave the image, and pairs change sides where it is mirrored once", "[data][scene]") {
  const auto points = floats({{2, 3, 2}, {8, 4, 1}, {5, 9, 2}, {7, 7, 0}});
  const auto follower = follow_keypoints({{0, 1}});
  Window window(10, 10);
  window.mirror();
  CHECK(torch::equal(follower->follow(window, points), floats({{2, 4, 1}, {8, 3, 2}, {5, 9, 2}, {0, 0, 0}})));
  window.upturn();  // turned, not mirrored
  CHECK(torch::equal(follower->follow(window, points), floats({{8, 7, 2}, {2, 6, 1}, {5, 1, 2}, {0, 0, 0}})));
  Window part(10, 10);
  part.crop({0, 1, 8, 6});
  CHECK(torch::equal(follower->follow(part, points), floats({{1, 3, 2}, {0, 0, 0}, {0, 0, 0}, {0, 0, 0}})));
  const auto flipped = follower->follow(Warp{{-1, 0, 10, 0, 1, 0}, 10, 10}, points);
  CHECK(torch::equal(flipped, floats({{2, 4, 1}, {8, 3, 2}, {5, 9, 2}, {0, 0, 0}})));
}

TEST_CASE("masks of any type follow as images of nearest pixels do", "[data][scene]") {
  const auto image = test::formula_image("noise", 23, 31, 1);
  Window window(23, 31);
  window.crop({2, 1, 20, 28});
  REQUIRE(window.resize(33, 17, Interpolation::Nearest));
  window.mirror();
  REQUIRE(window.frame({-2, 3, 25, 20}, {77}));
  const auto expected = ImageReader(image).bytes(window).squeeze(2);
  const auto mask = image.squeeze(2);
  for (const auto type : {torch::kByte, torch::kLong, torch::kInt, torch::kShort, torch::kFloat}) {
    const auto found = follow_masks(77)->follow(window, mask.to(type));
    REQUIRE(found.scalar_type() == type);
    CHECK(torch::equal(found, expected.to(type)));
  }
  const auto several = follow_masks(77)->follow(window, torch::stack({mask, 255 - mask}));
  CHECK(torch::equal(several[0], expected));
  const auto upside_down = mask.t();  // not contiguous
  CHECK(torch::equal(follow_masks(0)->follow(Window(31, 23), upside_down), upside_down));
}

TEST_CASE("masks and boxes are turned as images are", "[data][scene]") {
  for (const auto& [height, width] : {std::pair(30, 30), std::pair(24, 41)}) {
    const auto image = test::formula_image("noise", height, width, 1);
    for (const double angle : {0.0, 3.5, -41.0, 90.0, 180.0, 270.0, 359.0}) {
      INFO(height << " x " << width << ", " << angle);
      const auto expected = rotate(image, angle, Interpolation::Nearest, {200}).squeeze(2);
      const Warp warp{rotation_matrix(angle, height, width), height, width};
      const auto masks = follow_masks(200);
      CHECK(torch::equal(masks->follow(warp, image.squeeze(2)), expected));
      CHECK(torch::equal(masks->follow(warp, image.squeeze(2).to(torch::kLong)), expected.to(torch::kLong)));
    }
  }
  // A quarter to the left: what was at the right is at the top.
  const auto boxes = follow_boxes()->follow(Warp{rotation_matrix(90, 20, 20), 20, 20}, floats({{15, 2, 19, 8}}));
  CHECK(torch::allclose(boxes, floats({{2, 1, 8, 5}})));
  // By 45 degrees the smallest box that holds the corners.
  const auto wide = follow_boxes()->follow(Warp{rotation_matrix(45, 20, 20), 20, 20}, floats({{8, 8, 12, 12}}));
  const double reach = 2 * std::sqrt(2.0);
  CHECK(torch::allclose(wide, floats({{10 - reach, 10 - reach, 10 + reach, 10 + reach}})));
}

TEST_CASE("what a sample lacks is passed over", "[data][scene]") {
  Fields targets;
  targets.set("labels", torch::tensor({1, 2}, torch::kLong));
  Window window(8, 8);
  window.mirror();
  test::all_followers().follow(window, targets);
  test::all_followers().check(targets, 8, 8, "x");
  CHECK(targets.size() == 1);
}
