#include "models/detection/paste.h"

#include <cmath>

#include <torch/types.h>
#include <torch/utils.h>

#include "base/files.h"
#include "base/json.h"
#include "support.h"

namespace mlrun::models {
namespace {

/// What scripts/fixtures/paste_masks.py pastes.
torch::Tensor hills(std::int64_t count) {
  constexpr std::int64_t kSide = 28;
  const torch::Tensor x = torch::arange(kSide).to(torch::kDouble), y = x.unsqueeze(1);
  std::vector<torch::Tensor> masks;
  for (std::int64_t i = 0; i < count; ++i) {
    const torch::Tensor from_x = x - static_cast<double>(8 + i), from_y = y - static_cast<double>(20 - i);
    masks.push_back((1 - (from_x * from_x + from_y * from_y) / static_cast<double>(101 + 20 * i)).clamp(0, 1));
  }
  return torch::stack(masks).unsqueeze(1).to(torch::kFloat);
}

}  // namespace

TEST_CASE("masks are pasted into images as torchvision pastes them", "[models][detection]") {
  const Json expected = parse_json(read_file(test::fixture("models/pasting/hills.json")));
  const auto height = expected.at("height").get<std::int64_t>(), width = expected.at("width").get<std::int64_t>();
  std::vector<float> sides;
  for (const auto& box : expected.at("boxes")) {
    for (const auto& side : box) sides.push_back(side.get<float>());
  }
  const torch::Tensor boxes = torch::tensor(sides, torch::kFloat).view({-1, 4}), masks = hills(boxes.size(0));
  const torch::Tensor pasted = pasted_masks(masks, boxes, height, width);
  CHECK(pasted.sizes() == torch::IntArrayRef({boxes.size(0), 1, height, width}));
  const auto runs = pasted_runs(masks, boxes, height, width);
  REQUIRE(runs.size() == expected.at("runs").size());
  for (std::size_t i = 0; i < runs.size(); ++i) {
    INFO("mask " << i);
    const double sum = pasted[static_cast<std::int64_t>(i)].to(torch::kDouble).sum().item<double>();
    CHECK(std::abs(sum - expected.at("sums")[i].get<double>()) < 1e-3);
    CHECK((runs[i].height == height && runs[i].width == width));
    CHECK(runs[i].counts == expected.at("runs")[i].get<std::vector<std::uint32_t>>());
  }
}

TEST_CASE("a mask outside its image is empty, and no masks are none", "[models][detection]") {
  const torch::Tensor boxes = torch::tensor({{-40.F, -40.F, -20.F, -20.F}, {500.F, 3.F, 510.F, 9.F}});
  for (const auto& runs : pasted_runs(hills(2), boxes, 6, 5)) CHECK(runs.counts == std::vector<std::uint32_t>{30});
  CHECK(pasted_masks(hills(2), boxes, 6, 5).count_nonzero().item<std::int64_t>() == 0);
  const torch::Tensor none = torch::zeros({0, 1, 28, 28});
  CHECK(pasted_runs(none, torch::zeros({0, 4}), 6, 5).empty());
  CHECK(pasted_masks(none, torch::zeros({0, 4}), 6, 5).sizes() == torch::IntArrayRef({0, 1, 6, 5}));
}

}  // namespace mlrun::models
