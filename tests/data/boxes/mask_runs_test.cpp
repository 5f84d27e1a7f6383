#include "data/boxes/mask_runs.h"

#include <torch/types.h>
#include <torch/utils.h>

#include "models/parity.h"
#include "support.h"

namespace mlrun::data {
namespace {

torch::Tensor bitmap(const RunLengths& runs) {
  torch::Tensor mask = torch::zeros({runs.height, runs.width}, torch::kByte);
  for_each_pixel(runs, [&](std::int64_t y, std::int64_t x) { mask.accessor<std::uint8_t, 2>()[y][x] = 1; });
  return mask;
}

}  // namespace

TEST_CASE("masks become runs, and parts of them at their places", "[data][boxes]") {
  const torch::Tensor noise = test::formula({40, 7, 9}).gt(0.1);
  for (std::int64_t i = 0; i < noise.size(0); ++i) {
    const std::int64_t top = i % 4, left = i / 4 % 5;
    const torch::Tensor part = noise[i].slice(0, 0, 7 - top).slice(1, 0, 9 - left);
    torch::Tensor whole = torch::zeros({7, 9}, torch::kByte);
    whole.slice(0, top).slice(1, left).copy_(part);
    const RunLengths runs = part_runs(part, top, left, 7, 9);
    CHECK(bitmap(runs).equal(whole));
    CHECK(runs_of(runs.counts, 7, 9)->counts == runs.counts);  // as short as can be
    CHECK(runs_of_masks(whole.unsqueeze(0)).front().counts == runs.counts);
  }
  CHECK(part_runs(torch::ones({2, 3}, torch::kBool), 0, 0, 2, 3).counts == std::vector<std::uint32_t>{0, 6});
  CHECK(part_runs(torch::zeros({0, 0}, torch::kByte), 0, 0, 2, 3).counts == std::vector<std::uint32_t>{6});
  CHECK_THROWS_AS(part_runs(torch::ones({2, 3}, torch::kBool), 1, 0, 2, 3), InternalError);
}

TEST_CASE("runs of masks are packed into one tensor", "[data][boxes]") {
  const std::vector<RunLengths> masks = {{2, 3, {0, 6}}, {4, 5, {3, 2, 15}}, {2, 2, {4}}};
  const torch::Tensor packed = packed_runs(masks);
  CHECK(packed.numel() == 3 * 3 + 2 + 3 + 1);
  const auto again = unpacked_runs(packed);
  REQUIRE(again.size() == 3);
  for (std::size_t i = 0; i < masks.size(); ++i) {
    CHECK((again[i].height == masks[i].height && again[i].width == masks[i].width));
    CHECK(again[i].counts == masks[i].counts);
  }
  CHECK(unpacked_runs(packed_runs({})).empty());
  CHECK_THROWS_AS(unpacked_runs(packed.slice(0, 0, 4)), InternalError);
}

}  // namespace mlrun::data
