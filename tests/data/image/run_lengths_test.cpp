#include "data/image/run_lengths.h"

#include <cmath>

#include "base/files.h"
#include "base/json.h"
#include "support.h"

namespace mlrun::data {
namespace {

using Counts = std::vector<std::uint32_t>;

Json coco_fixture() { return Json::parse(read_file(test::fixture("data/coco_masks.json"))); }

}  // namespace

TEST_CASE("polygons are rasterised and united as COCO's API does, to the bit", "[data][coco]") {
  const Json cases = coco_fixture().at("shapes");
  REQUIRE(cases.size() == 120);
  for (std::size_t i = 0; i < cases.size(); ++i) {
    INFO("case " << i);
    const Json& one = cases[i];
    const auto height = one["height"].get<std::int64_t>(), width = one["width"].get<std::int64_t>();
    std::vector<RunLengths> parts;
    for (const auto& polygon : one["polygons"]) {
      const auto outline = outline_of(polygon.get<std::vector<double>>());
      REQUIRE(outline);
      parts.push_back(rasterised(*outline, height, width));
    }
    const RunLengths mask = united(parts);
    const auto expected = one["counts"].get<Counts>();
    CHECK(mask.counts == expected);
    CHECK(mask.area() == one["area"].get<std::int64_t>());
    const auto read = parse_runs(one["text"].get<std::string>(), height, width);
    REQUIRE(read);
    CHECK(read->counts == expected);
    std::int64_t pixels = 0;
    for_each_pixel(mask, [&](std::int64_t y, std::int64_t x) {
      REQUIRE((y >= 0 && y < height && x >= 0 && x < width));
      ++pixels;
    });
    CHECK(pixels == mask.area());
  }
}

TEST_CASE("runs go down the columns", "[data][coco]") {
  const auto mask = runs_of({1, 2, 3}, 2, 3);
  REQUIRE(mask);
  std::vector<std::pair<std::int64_t, std::int64_t>> pixels;
  for_each_pixel(*mask, [&](std::int64_t y, std::int64_t x) { pixels.emplace_back(y, x); });
  CHECK(pixels == std::vector<std::pair<std::int64_t, std::int64_t>>{{1, 0}, {0, 1}});
  CHECK(runs_of({0, 6}, 2, 3)->area() == 6);
  CHECK(runs_of({2, 0, 4}, 2, 3)->counts == Counts{6});
  CHECK(united({*runs_of({0, 2, 4}, 2, 3), *runs_of({1, 3, 2}, 2, 3), *runs_of({5, 1}, 2, 3)}).counts ==
        Counts{0, 4, 1, 1});
}

TEST_CASE("what is no polygon and no run is refused", "[data][coco]") {
  CHECK_FALSE(outline_of({1, 2, 3, 4}));
  CHECK_FALSE(outline_of({1, 2, 3, 4, 5, 6, 7}));
  CHECK_FALSE(outline_of({1, 2, 3, 4, 5, std::nan("")}));
  CHECK_FALSE(outline_of({1, 2, 3, 4, 5, 1e7}));
  CHECK_FALSE(runs_of({1, 2}, 2, 3));
  CHECK_FALSE(runs_of({1, 4294967295U}, 2, 3));
  CHECK_FALSE(runs_of({}, 2, 3));
  for (const char* text : {"", "~", "o", "ooooooooooo", "0 6", "7"}) {
    INFO(text);
    CHECK_FALSE(parse_runs(text, 2, 3));
  }
  CHECK(parse_runs("6", 2, 3)->area() == 0);
  CHECK(parse_runs("06", 2, 3)->area() == 6);
}

}  // namespace mlrun::data
