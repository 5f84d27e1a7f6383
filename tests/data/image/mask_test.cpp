#ifdef MLRUN_WITH_OPENCV

#include "data/image/mask.h"

#include <torch/types.h>
#include <torch/utils.h>

#include "base/files.h"
#include "base/json.h"
#include "support.h"

namespace mlrun::data {
namespace {

using test::fixture;
using test::user_error;

TEST_CASE("the values of a mask are those of its file, of a palette its places", "[data][segmentation]") {
  const Json expected = Json::parse(read_file(fixture("data/masks/masks.json")));
  REQUIRE(expected.size() == 5);
  for (const auto& [name, rows] : expected.items()) {
    INFO(name);
    const RawMask read = decode_mask(read_file(fixture("data/masks/" + name + ".png")), name);
    const torch::Tensor& mask = read.values;
    CHECK_FALSE(read.coloured);
    REQUIRE(mask.scalar_type() == torch::kInt);
    REQUIRE(mask.sizes() == torch::IntArrayRef({7, 11}));
    for (std::int64_t y = 0; y < 7; ++y) {
      const auto row = rows[static_cast<std::size_t>(y)].get<std::vector<std::int32_t>>();
      CHECK(mask[y].equal(torch::tensor(row, torch::kInt)));
    }
  }
}

TEST_CASE("a mask in colour has colours for values, whatever its alpha", "[data][segmentation]") {
  const Json expected = Json::parse(read_file(fixture("data/masks/colours.json")));
  REQUIRE(expected.size() == 4);
  for (const auto& [name, rows] : expected.items()) {
    INFO(name);
    const RawMask read = decode_mask(read_file(fixture("data/masks/" + name + ".png")), name);
    CHECK(read.coloured == (name != "grey_alpha"));
    for (std::int64_t y = 0; y < read.values.size(0); ++y) {
      const auto row = rows[static_cast<std::size_t>(y)].get<std::vector<std::int32_t>>();
      CHECK(read.values[y].equal(torch::tensor(row, torch::kInt)));
    }
  }
}

TEST_CASE("what is no mask is named with what it is", "[data][segmentation]") {
  const auto refused = [](const std::string& bytes) { return user_error([&] { decode_mask(bytes, "m.png"); }); };
  CHECK(refused("P6 1 1 255 abc").find("m.png: is no PNG, which masks are, but PNM; ") == 0);
  CHECK(refused("nothing") ==
        "m.png: is no PNG, which masks are; write masks as palette or grey PNG, whose values are classes");
  const std::string whole = read_file(fixture("data/masks/grey.png"));
  for (std::size_t size = 9; size + 13 < whole.size(); size += 7) {
    INFO(size);
    CHECK(refused(whole.substr(0, size)).find("m.png: is a damaged PNG: ") == 0);
  }
}

}  // namespace
}  // namespace mlrun::data

#endif
