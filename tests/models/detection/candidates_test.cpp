#include "models/detection/candidates.h"

#include <torch/types.h>
#include <torch/utils.h>

#include <cmath>
#include <limits>

#include "models/parity.h"
#include "support.h"

using namespace mlrun;
using namespace mlrun::models;

namespace {

/// What upstream does: all values by place, those above a score, the best of them.
LevelBest plainly(const torch::Tensor& map, std::int64_t classes, double threshold, std::int64_t most) {
  const auto scores = map.permute({1, 2, 0}).reshape(-1).sigmoid();
  const auto places = at::where(scores > threshold).front();
  const auto [best, order] = scores.index_select(0, places).topk(std::min(most, places.numel()));
  const auto chosen = places.index_select(0, order);
  return {best, at::div(chosen, classes, "floor"), chosen.remainder(classes)};
}

/// Logits of `spread`, NaN and infinities among them, [C, H, W].
torch::Tensor logits(double spread, torch::Dtype type) {
  torch::manual_seed(5);
  auto map = torch::randn({18, 37, 61}, torch::kDouble) * spread;
  map[3][7][11] = std::numeric_limits<double>::quiet_NaN();
  map[4][8][12] = std::numeric_limits<double>::infinity();
  map[5][9][13] = -std::numeric_limits<double>::infinity();
  return map.to(type);
}

}  // namespace

TEST_CASE("candidates are what sigmoids of all logits would leave, in the same order", "[models][detection]") {
  for (const auto type : {torch::kFloat, torch::kDouble}) {
    for (const double threshold : {0.0, 0.001, 0.05, 0.5, 0.97, 1.0}) {
      for (const bool channels_last : {false, true}) {
        INFO(threshold << " " << channels_last);
        const auto layout = channels_last ? torch::MemoryFormat::ChannelsLast : torch::MemoryFormat::Contiguous;
        const auto map = logits(3, type).unsqueeze(0).contiguous(layout)[0];
        const Candidates some = above(map, logit_below(threshold));
        const auto found = best_of_level(at::sigmoid(some.values), some.places, 6, threshold, 300);
        const auto expected = plainly(map, 6, threshold, 300);
        CHECK(found.anchors.equal(expected.anchors));
        CHECK(found.labels.equal(expected.labels));
        CHECK(torch::allclose(found.scores, expected.scores, 0, 1e-7));
      }
    }
  }
}

TEST_CASE("few candidates are looked at where few are above", "[models][detection]") {
  const auto map = logits(1, torch::kFloat);
  CHECK(above(map, 3).places.numel() < map.numel() / 100);
  CHECK(above(map, logit_below(1)).places.numel() == 0);
  CHECK(above(map, logit_below(0)).places.numel() == map.numel() - 2);  // neither NaN nor -inf
  const auto half = map.to(torch::kBFloat16);
  CHECK(above(half, 1).places.equal(above(half.to(torch::kFloat), 1).places));
}

TEST_CASE("classes are chosen in one pass as in one for each", "[models][detection]") {
  torch::manual_seed(6);
  for (const auto type : {torch::kFloat, torch::kDouble}) {
    auto scores = torch::softmax(torch::randn({700, 9}, torch::kDouble) * 3, 1).to(type);
    scores.select(1, 3).copy_(torch::arange(700).remainder(7).div(8));  // many are the same
    scores.slice(0, 20).select(1, 4).zero_();
    for (const double threshold : {0.001, 0.2, 0.9999}) {
      const ClassBest found = best_of_classes(scores, threshold, 40);
      std::vector<torch::Tensor> values = {scores.new_empty({0})}, rows = {torch::empty({0}, torch::kLong)},
                                 labels = {torch::empty({0}, torch::kLong)};
      for (std::int64_t label = 1; label < 9; ++label) {
        const auto kept = at::where(scores.select(1, label) > threshold).front();
        const auto [best, order] =
            scores.select(1, label).index_select(0, kept).topk(std::min<std::int64_t>(40, kept.numel()));
        values.push_back(best);
        rows.push_back(kept.index_select(0, order));
        labels.push_back(torch::full({best.numel()}, label, torch::kLong));
      }
      CHECK(found.scores.equal(torch::cat(values)));
      CHECK(found.rows.equal(torch::cat(rows)));
      CHECK(found.labels.equal(torch::cat(labels)));
    }
  }
}

TEST_CASE("what a map says of an anchor is found where upstream's rows have it", "[models][detection]") {
  const auto map = test::formula({12, 5, 7});
  const auto rows = anchor_rows({map.unsqueeze(0)}, 4)[0];
  const auto anchors = torch::tensor({0, 1, 2, 3, 50, 104, 7}, torch::kLong);
  CHECK(at_anchors(map, anchors, 4).equal(rows.index_select(0, anchors)));
  const auto last = map.unsqueeze(0).contiguous(torch::MemoryFormat::ChannelsLast)[0];
  CHECK(at_anchors(last, anchors, 4).equal(rows.index_select(0, anchors)));
}
