#include "data/image/overlay.h"

#include <torch/types.h>
#include <torch/utils.h>

#include "data/class_colours.h"
#include "support.h"

using namespace mlrun;

namespace {

std::vector<int> pixel(const torch::Tensor& image, std::int64_t y, std::int64_t x) {
  std::vector<int> values;
  for (std::int64_t c = 0; c < image.size(2); ++c) values.push_back(image[y][x][c].item<int>());
  return values;
}

std::vector<int> colour(const std::string& colours, std::size_t at) {
  std::vector<int> values;
  for (std::size_t c = 0; c < 3; ++c) values.push_back(static_cast<unsigned char>(colours.at(at * 3 + c)));
  return values;
}

}  // namespace

TEST_CASE("classes have PASCAL VOC's colours", "[data]") {
  const std::string colours = data::mask_palette({});
  REQUIRE(colours.size() == 768);
  CHECK(colour(colours, 0) == std::vector<int>{0, 0, 0});
  CHECK(colour(colours, 1) == std::vector<int>{128, 0, 0});
  CHECK(colour(colours, 15) == std::vector<int>{192, 128, 128});  // person
  CHECK(colour(colours, 20) == std::vector<int>{0, 64, 128});     // tvmonitor
  CHECK(colour(colours, 255) == std::vector<int>{224, 224, 192});
}

TEST_CASE("an overlay mixes image and colour half and half, but for black", "[data]") {
  const auto image = torch::full({2, 2, 1}, 101, torch::kByte);
  const auto mask = torch::tensor({0, 1, 2, 1}, torch::kByte).view({2, 2});
  const auto shown = data::overlay(image, mask, data::mask_palette({}));
  REQUIRE(shown.sizes() == torch::IntArrayRef({2, 2, 3}));
  CHECK(pixel(shown, 0, 0) == std::vector<int>{101, 101, 101});
  CHECK(pixel(shown, 0, 1) == std::vector<int>{115, 51, 51});
  CHECK(pixel(shown, 1, 0) == std::vector<int>{51, 115, 51});
  const auto unknown = data::overlay(image, torch::full({2, 2}, 7, torch::kByte), std::string("\x01\x02\x03", 3));
  CHECK(unknown.eq(101).all().item<bool>());  // no colour is known
}

TEST_CASE("a mask of another size is brought to the image's", "[data]") {
  const auto mask = torch::tensor({0, 1}, torch::kByte).view({1, 2});
  const auto shown = data::overlay(torch::zeros({4, 6, 3}, torch::kByte), mask, data::mask_palette({}));
  CHECK(shown.narrow(1, 0, 3).sum().item<int>() == 0);
  CHECK(shown.narrow(1, 3, 3).select(2, 0).eq(64).all().item<bool>());
}

TEST_CASE("images stand beside each other with a white line between them", "[data]") {
  const auto both = data::beside({torch::zeros({3, 4, 1}, torch::kByte), torch::full({3, 5, 3}, 9, torch::kByte)});
  REQUIRE(both.sizes() == torch::IntArrayRef({3, 11, 3}));
  CHECK(pixel(both, 2, 3) == std::vector<int>{0, 0, 0});
  CHECK(pixel(both, 0, 5) == std::vector<int>{255, 255, 255});
  CHECK(pixel(both, 1, 6) == std::vector<int>{9, 9, 9});
}
