#include "data/image/affine.h"

#include "data/augment_images.h"

using namespace mlrun;
using namespace mlrun::data;

namespace {

torch::Tensor affine_case(const Json& expected, const torch::Tensor& image) {
  AffineParameters parameters;
  parameters.angle = expected.at("angle");
  parameters.translate = expected.at("translate").get<std::array<double, 2>>();
  parameters.scale = expected.at("scale");
  parameters.shear = expected.at("shear").get<std::array<double, 2>>();
  parameters.center = {static_cast<double>(image.size(1)) * 0.5, static_cast<double>(image.size(0)) * 0.5};
  if (!expected.at("center").is_null()) parameters.center = expected.at("center").get<std::array<double, 2>>();
  return affine(image, inverse_affine_matrix(parameters), interpolation_of(expected.at("interpolation")),
                test::fill_for(expected.at("fill"), image));
}

}  // namespace

TEST_CASE("rotate and affine give the bits of torchvision on PIL images", "[data][augment]") {
  const test::AugmentFixture fixture("image_affine.json");
  int rotations = 0, maps = 0;
  for (const auto& expected : fixture.cases) {
    const bool rotation = expected.at("op") == "rotate";
    ++(rotation ? rotations : maps);
    for (std::size_t i = 0; i < fixture.images.size(); ++i) {
      INFO(expected.dump() << " of image " << i);
      const torch::Tensor& image = fixture.images[i];
      const auto result = rotation ? rotate(image, expected.at("angle"), interpolation_of(expected.at("interpolation")),
                                            test::fill_for(expected.at("fill"), image))
                                   : affine_case(expected, image);
      REQUIRE(result.sizes() == image.sizes());
      CHECK(test::short_sha256(result) == expected.at("sha256")[i]);
    }
  }
  CHECK(rotations == 48);
  CHECK(maps == 51);
}

TEST_CASE("positions that fixed point cannot hold", "[data][augment]") {
  // 40,000 columns: every second one, where 16 bits before the point would overflow.
  const auto image = (torch::arange(40000 * 2) % 251).to(torch::kUInt8).view({2, 40000, 1}).contiguous();
  const auto result = affine(image, {2, 0.25, 0, 0, 1, 0}, Interpolation::Nearest, {9});
  const auto* in = image.data_ptr<std::uint8_t>();
  const auto* out = result.data_ptr<std::uint8_t>();
  for (const std::int64_t x : {0, 1, 9999, 16383, 16384, 19999}) {
    const auto from = static_cast<std::int64_t>(2 * (static_cast<double>(x) + 0.5) + 0.125);
    CHECK(out[x] == in[from]);
  }
  CHECK(out[20000] == 9);
  CHECK(out[39999] == 9);
}

TEST_CASE("a fill must fit the channels", "[data][augment]") {
  const auto image = test::formula_image("noise", 4, 4, 3);
  CHECK_THROWS_AS(rotate(image, 10, Interpolation::Nearest, {1, 2}), InternalError);
}
