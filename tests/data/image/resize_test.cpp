#include "data/image/resize.h"

#include "data/images.h"

using namespace mlrun;
using namespace mlrun::data;

TEST_CASE("resize gives Pillow's bits", "[data]") {
  const Json cases = test::fixture_cases("data/resize.json");
  REQUIRE(cases.size() >= 60);
  std::size_t compared_in_full = 0;
  for (const auto& expected : cases) {
    INFO(expected.dump());
    const auto image = test::described_image(expected.at("image"));
    ImageView view = view_of(image);
    if (!expected.at("box").is_null()) {
      const auto box = expected.at("box").get<std::vector<std::int64_t>>();
      view = crop(view, box[0], box[1], box[2], box[3]);
    }
    const auto size = expected.at("size").get<std::vector<std::int64_t>>();
    const auto result = resize(view, size[0], size[1], interpolation_of(expected.at("interpolation")));
    CHECK(result.sizes().vec() == expected.at("result_shape").get<std::vector<std::int64_t>>());
    if (expected.contains("values")) {
      const std::vector<int> values(result.data_ptr<std::uint8_t>(), result.data_ptr<std::uint8_t>() + result.numel());
      CHECK(values == expected.at("values").get<std::vector<int>>());
      ++compared_in_full;
    }
    CHECK(test::sha256_of(result) == expected.at("sha256"));
  }
  CHECK(compared_in_full >= 6);
}

TEST_CASE("resize treats any number of channels alike", "[data]") {
  const auto image = test::formula_image("noise", 37, 29, 3);
  std::vector<torch::Tensor> planes;
  for (const int c : {0, 1, 2, 1}) planes.push_back(image.select(2, c));
  const auto four = torch::stack(planes, 2).contiguous();
  for (const auto mode : {Interpolation::Nearest, Interpolation::Bilinear, Interpolation::Bicubic}) {
    const auto expected = resize(view_of(image), 20, 50, mode);
    const auto result = resize(view_of(four), 20, 50, mode);
    for (int i = 0; i < 4; ++i) CHECK(torch::equal(result.select(2, i), expected.select(2, i == 3 ? 1 : i)));
  }
}

TEST_CASE("resize keeps a constant image constant", "[data]") {
  const auto image = torch::full({31, 17, 3}, 201, torch::kUInt8);
  for (const auto mode : {Interpolation::Nearest, Interpolation::Bilinear, Interpolation::Bicubic}) {
    CHECK((resize(view_of(image), 12, 40, mode) == 201).all().item<bool>());
  }
}

TEST_CASE("a view of the same size is copied, not shared", "[data]") {
  const auto image = test::formula_image("noise", 6, 5, 3);
  const auto result = resize(view_of(image), 6, 5, Interpolation::Bicubic);
  CHECK(torch::equal(result, image));
  CHECK(result.data_ptr() != image.data_ptr());
}

TEST_CASE("crop is the rectangle, and must lie inside", "[data]") {
  const auto image = test::formula_image("noise", 10, 12, 3);
  const auto part = to_tensor(crop(view_of(image), 2, 3, 4, 5));
  CHECK(torch::equal(part, image.slice(0, 2, 6).slice(1, 3, 8)));
  CHECK_THROWS_AS(crop(view_of(image), 7, 0, 4, 5), InternalError);
  CHECK_THROWS_AS(crop(view_of(image), 0, -1, 4, 5), InternalError);
  CHECK_THROWS_AS(crop(view_of(image), 0, 0, 0, 5), InternalError);
}

TEST_CASE("only contiguous uint8 [H, W, C] images are accepted", "[data]") {
  const auto image = test::formula_image("noise", 10, 12, 3);
  CHECK_THROWS_AS(view_of(image.permute({2, 0, 1})), InternalError);
  CHECK_THROWS_AS(view_of(image.to(torch::kFloat32)), InternalError);
  CHECK_THROWS_AS(view_of(image.select(2, 0)), InternalError);
  CHECK_THROWS_AS(resize(view_of(image), 0, 4, Interpolation::Nearest), InternalError);
  CHECK_THROWS_AS(interpolation_of("lanczos"), InternalError);
}
