// What torchvision's GeneralizedRCNNTransform does (scripts/fixtures/boxes.py).
#include "models/detection/transform.h"

#include <torch/types.h>
#include <torch/utils.h>

#include "nn/boxes/cases.h"

using namespace mlrun;

namespace {

models::DetectorInput input_of(const Json& options) {
  models::DetectorInput input;
  input.min_sizes = {options.at("min_size").get<std::int64_t>()};
  input.max_size = options.at("max_size");
  input.divisible = options.value("size_divisible", std::int64_t{32});
  if (options.contains("fixed_size")) {  // width, height
    input.fixed_width = options.at("fixed_size")[0];
    input.fixed_height = options.at("fixed_size")[1];
  }
  return input;
}

}  // namespace

TEST_CASE("images of a batch get torchvision's sizes and padding", "[models][detection]") {
  for (const Json& expected : test::box_cases("prepare")) {
    const auto input = input_of(expected.at("options"));
    std::vector<torch::Tensor> images;
    for (const Json& size : expected.at("images")) {
      images.push_back(test::formula({3, size[0], size[1]}).to(torch::kFloat));
    }
    const auto batch = models::prepare(images, input, std::vector<std::int64_t>(images.size(), input.min_sizes[0]));
    CHECK(batch.image.sizes().vec() == expected.at("shape").get<std::vector<std::int64_t>>());
    for (std::size_t i = 0; i < images.size(); ++i) {
      CHECK(test::rows(batch.sizes[static_cast<std::int64_t>(i)]) ==
            expected.at("sizes")[i].get<std::vector<std::int64_t>>());
    }
    if (!expected.contains("first")) continue;
    CHECK(test::near(batch.image[1].slice(1, 0, 3).slice(2, 0, 3), expected.at("first"), 1e-6));
    CHECK(test::projection(batch.image) == Approx(expected.at("projection").get<double>()).epsilon(1e-6));
  }
}

TEST_CASE("boxes and points go to another size of the image as torchvision's do", "[models][detection]") {
  const Json& expected = test::box_cases("plain");
  const auto boxes = test::boxes(40, 90, torch::kFloat);
  const auto points = (test::formula({4, 17, 3}) * 50).to(torch::kFloat);
  CHECK(test::digest(models::rescaled_boxes(boxes, {375, 1242}, {402, 1332})) == expected.at("rescaled"));
  CHECK(test::digest(models::rescaled_boxes(boxes.to(torch::kDouble), {375, 1242}, {402, 1332})) ==
        expected.at("rescaled64"));
  CHECK(test::digest(models::rescaled_keypoints(points, {375, 1242}, {402, 1332})) == expected.at("points"));
}
