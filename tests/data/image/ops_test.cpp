#include "data/image/ops.h"

#include <map>

#include "data/augment_images.h"

using namespace mlrun;
using namespace mlrun::data;

namespace {

using Parameters = std::vector<double>;

torch::Tensor run_op(const std::string& op, const torch::Tensor& image, const Parameters& p) {
  if (op == "adjust_brightness") return adjust_brightness(image, p.at(0));
  if (op == "adjust_contrast") return adjust_contrast(image, p.at(0));
  if (op == "adjust_saturation") return adjust_saturation(image, p.at(0));
  if (op == "adjust_sharpness") return adjust_sharpness(image, p.at(0));
  if (op == "adjust_hue") return adjust_hue(image, p.at(0));
  if (op == "posterize") return posterize(image, static_cast<std::int64_t>(p.at(0)));
  if (op == "solarize") return solarize(image, p.at(0));
  if (op == "autocontrast") return autocontrast(image);
  if (op == "equalize") return equalize(image);
  if (op == "invert") return invert(image);
  REQUIRE(op == "blend");
  return blend(image, image.flip(1).contiguous(), p.at(0));
}

}  // namespace

TEST_CASE("operators give the bits of torchvision on PIL images", "[data][augment]") {
  const test::AugmentFixture fixture("image_ops.json");
  std::map<std::string, int> seen;
  for (const auto& expected : fixture.cases) {
    const std::string op = expected.at("op");
    ++seen[op];
    for (std::size_t i = 0; i < fixture.images.size(); ++i) {
      INFO(op << " " << expected.at("parameters") << " of image " << i);
      const torch::Tensor before = fixture.images[i].clone();
      const auto result = run_op(op, fixture.images[i], expected.at("parameters").get<Parameters>());
      CHECK(test::short_sha256(result) == expected.at("sha256")[i]);
      CHECK(torch::equal(fixture.images[i], before));
    }
  }
  CHECK(seen.size() == 11);
}

TEST_CASE("operators of images that leave them no choice", "[data][augment]") {
  const auto flat = torch::full({5, 4, 3}, 77, torch::kUInt8);
  CHECK(torch::equal(autocontrast(flat), flat));
  CHECK(torch::equal(equalize(flat), flat));
  CHECK(torch::equal(smooth(flat), flat));
  CHECK(torch::equal(adjust_contrast(flat, 0.2), flat));
  CHECK(torch::equal(adjust_saturation(flat, 9), flat));
  CHECK(torch::equal(adjust_hue(flat, 0.3), flat));
  const auto black = torch::zeros({3, 3, 1}, torch::kUInt8);
  CHECK(torch::equal(invert(black), torch::full({3, 3, 1}, 255, torch::kUInt8)));
  CHECK(torch::equal(posterize(invert(black), 0), black));
  const auto image = test::formula_image("noise", 9, 9, 3);
  CHECK(torch::equal(adjust_brightness(image, 1e30), (image > 0).to(torch::kUInt8) * 255));
  CHECK(torch::equal(blend(image, image, -1e30), image));
}

TEST_CASE("operators refuse images of other channels", "[data][augment]") {
  const auto image = test::formula_image("noise", 4, 4, 4);
  CHECK_THROWS_AS(adjust_contrast(image, 0.5), InternalError);
  CHECK_THROWS_AS(equalize(image), InternalError);
  CHECK_THROWS_AS(posterize(test::formula_image("noise", 4, 4, 3), 9), InternalError);
  CHECK_THROWS_AS(blend(image, test::formula_image("noise", 4, 5, 4), 0.5), InternalError);
}
