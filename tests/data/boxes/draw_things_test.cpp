#include "data/boxes/draw_things.h"

#include <set>

#include <torch/types.h>
#include <torch/utils.h>

#include "support.h"

namespace mlrun::data {
namespace {

bool is_colour(const torch::Tensor& image, std::int64_t y, std::int64_t x, const Colour& colour) {
  for (std::size_t c = 0; c < 3; ++c) {
    if (image[y][x][static_cast<std::int64_t>(c)].item<int>() != colour[c]) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("boxes are drawn in their classes' colours, the first on top", "[data][boxes]") {
  const torch::Tensor image = torch::full({20, 30, 3}, 9, torch::kByte);
  const Colour red = {255, 0, 0}, green = {0, 255, 0}, plain = {9, 9, 9};
  DrawingStyle style;
  style.colours = {red, green};
  style.thickness = 2;
  DrawnThings things;
  things.boxes = torch::tensor({{2.0F, 3.0F, 12.0F, 13.0F}, {2.4F, 3.0F, 28.0F, 13.0F}});
  things.labels = torch::tensor({1, 0}, torch::kLong);
  const torch::Tensor drawn = draw_things(image, things, style);
  CHECK(image.eq(9).all().item<bool>());  // a copy is drawn on
  CHECK(is_colour(drawn, 3, 2, green));
  CHECK(is_colour(drawn, 4, 10, green));
  CHECK(is_colour(drawn, 12, 11, green));
  CHECK(is_colour(drawn, 4, 20, red));
  CHECK(is_colour(drawn, 12, 27, red));
  CHECK(is_colour(drawn, 8, 8, plain));
  CHECK(is_colour(drawn, 2, 2, plain));
  CHECK(is_colour(drawn, 13, 12, plain));
  CHECK(draw_things(image.slice(2, 0, 1), things, style).equal(drawn));
}

TEST_CASE("what reaches outside is cut, and no box is no work", "[data][boxes]") {
  const torch::Tensor image = torch::zeros({10, 10, 3}, torch::kByte);
  DrawnThings things;
  things.boxes = torch::tensor({{-5.0F, -5.0F, 500.0F, 1e30F}, {NAN, 2.0F, 3.0F, 4.0F}});
  const torch::Tensor drawn = draw_things(image, things, {});
  CHECK(drawn.sizes() == image.sizes());
  things.boxes = torch::empty({0, 4});
  things.labels = torch::empty({0}, torch::kLong);
  CHECK(draw_things(image, things, {}).equal(image));
}

TEST_CASE("masks half cover, keypoints and their lines are drawn where they are visible", "[data][boxes]") {
  const torch::Tensor image = torch::zeros({20, 20, 3}, torch::kByte);
  DrawingStyle style;
  style.colours = {{200, 100, 50}};
  style.skeleton = {{0, 1}, {0, 2}};
  style.thickness = 1;
  DrawnThings things;
  things.boxes = torch::tensor({{0.0F, 0.0F, 20.0F, 20.0F}});
  things.masks = torch::zeros({1, 20, 20}, torch::kBool);
  things.masks[0][8][8] = true;
  things.keypoints = torch::tensor({{{4.0F, 4.0F, 2.0F}, {14.0F, 4.0F, 1.0F}, {4.0F, 15.0F, 0.0F}}});
  const torch::Tensor drawn = draw_things(image, things, style);
  CHECK(is_colour(drawn, 8, 8, {100, 50, 25}));
  CHECK(is_colour(drawn, 4, 4, {255, 255, 255}));
  CHECK(is_colour(drawn, 4, 9, {200, 100, 50}));
  CHECK(is_colour(drawn, 15, 4, {0, 0, 0}));
  CHECK(is_colour(drawn, 9, 4, {0, 0, 0}));
}

TEST_CASE("masks as runs are drawn as masks are, and each thing may have a colour of its own", "[data][boxes]") {
  const torch::Tensor image = torch::zeros({6, 8, 3}, torch::kByte);
  DrawingStyle style;
  style.colours = {{200, 100, 50}, {20, 40, 60}};
  style.thickness = 1;
  DrawnThings things;
  things.boxes = torch::tensor({{0.0F, 0.0F, 1.0F, 1.0F}, {7.0F, 0.0F, 8.0F, 1.0F}});
  things.labels = torch::tensor({0, 0}, torch::kLong);
  things.masks = torch::zeros({2, 6, 8}, torch::kBool);
  things.masks[0][3][2] = things.masks[1][4][5] = true;
  const torch::Tensor drawn = draw_things(image, things, style);
  CHECK(is_colour(drawn, 3, 2, {100, 50, 25}));
  CHECK(is_colour(drawn, 4, 5, {100, 50, 25}));
  DrawnThings as_runs = things;
  as_runs.masks = torch::Tensor();
  as_runs.shapes = {{6, 8, {15, 1, 32}}, {6, 8, {34, 1, 13}}};
  CHECK(draw_things(image, as_runs, style).equal(drawn));
  style.by_thing = true;
  const torch::Tensor apart = draw_things(image, as_runs, style);
  CHECK(is_colour(apart, 3, 2, {100, 50, 25}));
  CHECK(is_colour(apart, 4, 5, {10, 20, 30}));
  CHECK(is_colour(apart, 0, 7, {20, 40, 60}));
  as_runs.shapes = {{8, 6, {48}}, {8, 6, {48}}};
  CHECK_THROWS_AS(draw_things(image, as_runs, style), InternalError);
  CHECK(scaled_things(as_runs, 2, 2).shapes.empty());
}

#ifdef MLRUN_WITH_OPENCV
TEST_CASE("names and scores stand above their boxes", "[data][boxes]") {
  const torch::Tensor image = torch::zeros({60, 120, 3}, torch::kByte);
  DrawingStyle style;
  style.colours = {{250, 250, 0}};
  DrawnThings things;
  things.boxes = torch::tensor({{20.0F, 30.0F, 100.0F, 50.0F}});
  things.labels = torch::zeros({1}, torch::kLong);
  const auto above = [&] {
    return draw_things(image, things, style).slice(0, 10, 30).gt(0).sum().item<std::int64_t>();
  };
  CHECK(above() == 0);
  style.names = {"k\xC3\xB6nig"};
  const std::int64_t name = above();
  CHECK(name > 100);
  things.scores = torch::tensor({0.5F});
  CHECK(above() > name);
}
#endif

TEST_CASE("colours of many classes differ, and things scale with their image", "[data][boxes]") {
  const auto colours = box_colours(90);
  CHECK(std::set<Colour>(colours.begin(), colours.end()).size() == 90);
  for (const auto& colour : colours) CHECK(std::max({colour[0], colour[1], colour[2]}) >= 195);
  DrawnThings things;
  things.boxes = torch::tensor({{1.0F, 2.0F, 3.0F, 4.0F}});
  things.keypoints = torch::tensor({{{1.0F, 2.0F, 2.0F}}});
  things.masks = torch::zeros({1, 5, 5});
  const DrawnThings scaled = scaled_things(things, 2, 0.5);
  CHECK(scaled.boxes.equal(torch::tensor({{2.0F, 1.0F, 6.0F, 2.0F}})));
  CHECK(scaled.keypoints.equal(torch::tensor({{{2.0F, 1.0F, 2.0F}}})));
  CHECK_FALSE(scaled.masks.defined());
}

}  // namespace mlrun::data
