#include "deploy/image_input.h"

#include <torch/types.h>
#include <torch/utils.h>

#include "catch.h"
#include "data/transforms/crop_transforms.h"
#include "data/transforms/image_transforms.h"
#include "deploy/subject.h"
#include "deploy/trace.h"
#include "recipes/classification/presets.h"
#include "recipes/registry.h"
#include "support.h"

using namespace mlrun;
using Catch::Matchers::ContainsSubstring;

namespace {

template <class Options>
config::Component step(const std::string& name, const Options& options) {
  return {name, std::make_shared<Options>(options)};
}

/// Whether the graph's operations give the bits of the pipeline that reads samples.
void check_equal(const std::vector<config::Component>& transforms, const data::TransformContext& context,
                 std::int64_t height, std::int64_t width) {
  torch::manual_seed(1);
  const torch::Tensor images = torch::randint(256, {3, height, width, context.channels}, torch::kByte);
  const data::Pipeline pipeline(recipes::transforms(), transforms, context, "data.preprocess");
  const torch::Tensor found = deploy::ImageInput(recipes::transforms(), transforms, context, height, width)(images);
  for (std::int64_t i = 0; i < images.size(0); ++i) {
    const torch::Tensor expected = pipeline.apply(images[i].contiguous(), {i, 0, 0});
    REQUIRE(found[i].sizes() == expected.sizes());
    CHECK(torch::equal(found[i], expected));
  }
}

}  // namespace

TEST_CASE("preprocessing as tensor operations has the pipeline's bits", "[deploy]") {
  data::TransformContext context;
  context.input_size = 32;
  context.resize_size = 36;
  context.interpolation = GENERATE("bilinear", "bicubic", "nearest");
  const std::vector<config::Component> published = {step("classification_eval", classification::EvalPreset{})};
  check_equal(published, context, 61, 47);  // smaller
  check_equal(published, context, 20, 33);  // larger
  check_equal(published, context, 36, 40);  // only cropped
}

TEST_CASE("a recipe without a normalization scales to 0..1", "[deploy]") {
  data::TransformContext context;
  context.channels = 1;
  check_equal({}, context, 8, 9);
  data::NormalizeOptions odd;
  odd.mean = {0.28604F};
  odd.deviation = {0.35302F};
  check_equal({step("normalize", odd)}, context, 8, 9);
}

TEST_CASE("what no graph can hold is named", "[deploy]") {
  data::TransformContext context;
  context.input_size = 32;
  const std::vector<config::Component> grey = {step("grayscale", data::GrayscaleOptions{})};
  CHECK_THAT(test::user_error([&] { deploy::ImageInput(recipes::transforms(), grey, context, 32, 32); }),
             ContainsSubstring("the transform 'grayscale' of data.preprocess cannot be written"));
  const std::vector<config::Component> crop = {step("center_crop", data::CenterCropOptions{})};
  CHECK_THAT(test::user_error([&] { deploy::ImageInput(recipes::transforms(), crop, context, 20, 40); }),
             ContainsSubstring("for images of 20x40 pixels"));
}

TEST_CASE("a subject that takes images asks for their size where they are resized", "[deploy]") {
  deploy::ExportSubject subject = deploy::subject_of(recipes::tasks(), recipes::transforms(), "resnet18", {}, 0, 2);
  CHECK_THAT(test::user_error([&] { deploy::take_images(subject, recipes::transforms(), std::nullopt); }),
             ContainsSubstring("--input-size HxW"));
  deploy::take_images(subject, recipes::transforms(), std::pair<std::int64_t, std::int64_t>(240, 320));
  CHECK(subject.samples.front().sizes() == torch::IntArrayRef({2, 240, 320, 3}));
  CHECK(subject.before(subject.samples.front()).sizes() == torch::IntArrayRef({2, 3, 224, 224}));
}
