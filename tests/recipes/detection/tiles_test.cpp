#include "recipes/detection/tiles.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include <torch/types.h>
#include <torch/utils.h>

#include "support.h"

namespace mlrun::detection {
namespace {

constexpr std::int64_t kHeight = 100, kWidth = 230;

/// An object: its pixels have the number of its label.
struct Thing {
  std::int64_t label, left, top, right, bottom;
};

torch::Tensor image_of(const std::vector<Thing>& things) {
  torch::Tensor image = torch::zeros({1, kHeight, kWidth});
  for (const Thing& thing : things) {
    image.slice(1, thing.top, thing.bottom).slice(2, thing.left, thing.right).fill_(static_cast<double>(thing.label));
  }
  return image;
}

/// A detector that sees where pixels of a number are; the fewer of them, the surer it is.
Found seen_in(const torch::Tensor& image) {
  std::vector<torch::Tensor> boxes;
  std::vector<float> scores;
  std::vector<std::int64_t> labels;
  for (std::int64_t label = 1; label <= 4; ++label) {
    const torch::Tensor at = image[0].eq(static_cast<double>(label)).nonzero();
    if (at.size(0) == 0) continue;
    const torch::Tensor first = std::get<0>(at.min(0)), last = std::get<0>(at.max(0)) + 1;
    boxes.push_back(torch::stack({first[1], first[0], last[1], last[0]}).to(torch::kFloat));
    scores.push_back(1 - static_cast<float>(at.size(0)) / 100000);
    labels.push_back(label);
  }
  if (boxes.empty()) return {torch::empty({0, 4}), torch::empty({0}), torch::empty({0}, torch::kLong)};
  return {torch::stack(boxes), torch::tensor(scores), torch::tensor(labels, torch::kLong)};
}

AnswerSettings tiled(std::int64_t tile, bool whole) {
  AnswerSettings settings;
  settings.tile = tile, settings.tile_overlap = 0.3, settings.tile_whole = whole;
  return settings;
}

std::vector<std::vector<float>> boxes_in(const Found& found) {
  std::vector<std::vector<float>> list;
  for (const Row& row : rows_of(found)) {
    list.push_back({static_cast<float>(row.label), static_cast<float>(row.left), static_cast<float>(row.top),
                    static_cast<float>(row.right), static_cast<float>(row.bottom)});
  }
  std::sort(list.begin(), list.end());
  return list;
}

}  // namespace

TEST_CASE("an image that fits one tile is looked at as it is", "[recipes][detection]") {
  const torch::Tensor image = image_of({{1, 10, 10, 30, 40}, {2, 100, 20, 140, 60}});
  for (const std::int64_t tile : {kWidth, kWidth + 1}) {
    int calls = 0;
    const Found found = detect_tiled(tiled(tile, true), image, [&](const torch::Tensor& part) {
      ++calls;
      CHECK(part.sizes() == image.sizes());
      return seen_in(part);
    });
    CHECK(calls == 1);
    const Found whole = detect_tiled(AnswerSettings(), image, seen_in);
    CHECK(found.boxes.equal(whole.boxes));
    CHECK(found.scores.equal(whole.scores));
    CHECK(found.labels.equal(whole.labels));
  }
}

TEST_CASE("tiles cover an image, each of one size, and no more is asked at once", "[recipes][detection]") {
  torch::Tensor covered = torch::zeros({1, kHeight, kWidth});
  torch::Tensor places = torch::arange(kHeight * kWidth).view({1, kHeight, kWidth}).to(torch::kFloat);
  detect_tiled(tiled(80, false), places, [&](const torch::Tensor& part) {
    CHECK(part.sizes() == torch::IntArrayRef({1, 80, 80}));
    covered.view(-1).index_put_({part.flatten().to(torch::kLong)}, torch::ones(1));
    return seen_in(torch::zeros_like(part));
  });
  CHECK(covered.eq(1).all().item<bool>());
}

TEST_CASE("what several tiles see is one box, and a part yields to the whole", "[recipes][detection]") {
  // Tiles of 100 pixels begin at 0, 70 and 130.
  const std::vector<Thing> things = {{1, 72, 10, 96, 40},    // in both of the first two
                                     {2, 80, 50, 115, 90},   // cut by the first, whole in the second
                                     {3, 20, 60, 40, 80},    // in the first alone
                                     {4, 135, 5, 168, 30}};  // whole in the third, and in the second as well
  const torch::Tensor image = image_of(things);
  for (const bool whole : {false, true}) {
    const Found found = detect_tiled(tiled(100, whole), image, seen_in);
    CHECK(boxes_in(found) == std::vector<std::vector<float>>{
                                 {1, 72, 10, 96, 40}, {2, 80, 50, 115, 90}, {3, 20, 60, 40, 80}, {4, 135, 5, 168, 30}});
    CHECK(found.scores.equal(std::get<0>(found.scores.sort(0, /*descending=*/true))));
  }
  const Found found = detect_tiled(tiled(100, false), image, seen_in);
  const torch::Tensor second = found.scores.index({found.labels == 2});
  CHECK(second.item<float>() == 1 - 20.F * 40 / 100000);  // of the surest part
}

TEST_CASE("masks and keypoints of tiles go with their boxes", "[recipes][detection]") {
  const auto centres = [](const Found& found) { return (found.boxes.slice(1, 0, 2) + found.boxes.slice(1, 2, 4)) / 2; };
  const auto marked = [&](const torch::Tensor& part) {
    Found found = seen_in(part);
    found.keypoints = torch::cat({centres(found), torch::ones({found.boxes.size(0), 1})}, 1).unsqueeze(1);
    found.masks = found.labels.to(torch::kFloat).view({-1, 1, 1, 1}).expand({-1, 1, 2, 2}) / 10;
    return found;
  };
  const torch::Tensor image =
      image_of({{1, 72, 10, 96, 40}, {2, 80, 50, 115, 90}, {3, 20, 60, 40, 80}, {4, 135, 5, 168, 30}});
  for (const bool whole : {false, true}) {
    const Found found = detect_tiled(tiled(100, whole), image, marked);
    REQUIRE(found.boxes.size(0) == 4);
    CHECK(found.keypoints.select(1, 0).slice(1, 0, 2).equal(centres(found)));
    CHECK(found.keypoints.select(2, 2).eq(1).all().item<bool>());
    REQUIRE(found.masks.sizes() == torch::IntArrayRef({4, 1, 2, 2}));
    CHECK(found.masks.flatten(1).select(1, 0).equal(found.labels.to(torch::kFloat) / 10));
  }
  CHECK_FALSE(detect_tiled(tiled(100, false), image, seen_in).keypoints.defined());
}

TEST_CASE("what no tile holds is found in the whole image", "[recipes][detection]") {
  const torch::Tensor image = image_of({{1, 5, 20, 225, 60}});
  const Found parts = detect_tiled(tiled(100, false), image, seen_in);
  CHECK(parts.boxes.size(0) > 1);
  const Found found = detect_tiled(tiled(100, true), image, seen_in);
  CHECK(boxes_in(found) == std::vector<std::vector<float>>{{1, 5, 20, 225, 60}});
}

TEST_CASE("tiles hold boxes of one class against each other, or of all", "[recipes][detection]") {
  // One object that the second tile takes for another class.
  int calls = 0;
  const auto fickle = [&calls](const torch::Tensor& part) {
    Found found = seen_in(part);
    if (++calls == 2) found.labels = found.labels + 1, found.scores = found.scores - 0.25;
    return found;
  };
  const torch::Tensor image = image_of({{1, 74, 10, 94, 40}});
  auto settings = tiled(100, false);
  CHECK(detect_tiled(settings, image, fickle).labels.equal(torch::tensor({1, 2})));
  settings.agnostic_nms = true;
  calls = 0;
  CHECK(detect_tiled(settings, image, fickle).labels.equal(torch::tensor({1})));
}

TEST_CASE("boxes of one tile are the model's own business", "[recipes][detection]") {
  // A small one within a large one, both in the first tile alone.
  const auto nested = [](const torch::Tensor& part) {
    if (part[0][30][30].item<float>() != 1) return seen_in(torch::zeros_like(part));
    return Found{torch::tensor({{20.F, 20.F, 60.F, 60.F}, {28.F, 28.F, 40.F, 40.F}}), torch::tensor({0.9F, 0.8F}),
                 torch::tensor({1, 1})};
  };
  const Found found = detect_tiled(tiled(100, false), image_of({{1, 20, 20, 60, 60}}), nested);
  CHECK(found.boxes.size(0) == 2);
}

}  // namespace mlrun::detection
