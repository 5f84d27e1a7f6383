#include "recipes/classification/presets.h"

#include "data/augment_images.h"

using namespace mlrun;
using namespace mlrun::data;

namespace {

Pipeline pipeline_of(const Json& steps, const TransformContext& context) {
  std::vector<config::Component> list;
  for (const auto& step : steps) list.push_back(test::transform_component(step.at("name"), step));
  return Pipeline(recipes::transforms(), list, context, "data.augment");
}

/// The preset and the list it stands for give the same for many draws.
void check_same(const Json& preset, const Json& list, const TransformContext& context) {
  INFO(preset.dump());
  const auto image = test::formula_image("gradient", 61, 83, context.channels);
  const auto one = pipeline_of(Json::array({preset}), context), other = pipeline_of(list, context);
  for (std::int64_t i = 0; i < 12; ++i) {
    CHECK(torch::equal(one.apply(image, {i, 1, 5}), other.apply(image, {i, 1, 5})));
  }
}

}  // namespace

TEST_CASE("classification_train is the list that torchvision's preset makes", "[data][augment]") {
  const TransformContext context{40, 48, 3};
  const auto crop = [](int size, const std::string& interpolation) {
    return Json{{"name", "random_resized_crop"}, {"size", {size}}, {"interpolation", interpolation}};
  };
  const Json flip = {{"name", "random_horizontal_flip"}}, normalize = {{"name", "normalize"}};
  const Json name = {{"name", "classification_train"}};
  const auto preset = [&](Json options) {
    options.update(name);
    return options;
  };
  check_same(preset({{"crop_size", 24}, {"hflip_prob", 0.9}}),
             {crop(24, "bilinear"), {{"name", "random_horizontal_flip"}, {"p", 0.9}}, normalize}, context);
  check_same(preset({{"auto_augment", "ra"}, {"ra_magnitude", 14}, {"interpolation", "bicubic"}}),
             {crop(40, "bicubic"),
              flip,
              {{"name", "rand_augment"}, {"magnitude", 14}, {"interpolation", "bicubic"}},
              normalize},
             context);
  check_same(preset({{"auto_augment", "ta_wide"}, {"random_erase", 0.7}}),
             {crop(40, "bilinear"),
              flip,
              {{"name", "trivial_augment_wide"}, {"interpolation", "bilinear"}},
              normalize,
              {{"name", "random_erasing"}, {"p", 0.7}}},
             context);
  check_same(preset({{"auto_augment", "augmix"}, {"augmix_severity", 5}, {"interpolation", "bicubic"}}),
             {crop(40, "bicubic"), flip, {{"name", "augmix"}, {"severity", 5}}, normalize}, context);
  for (const char* policy : {"imagenet", "cifar10", "svhn"}) {
    check_same(preset({{"auto_augment", policy}, {"interpolation", "nearest"}}),
               {crop(40, "nearest"), flip, {{"name", "auto_augment"}, {"policy", policy}}, normalize}, context);
  }
}

TEST_CASE("presets take the model's interpolation where none is given", "[data][augment]") {
  TransformContext context{40, 48, 3};
  context.interpolation = "bicubic";
  check_same({{"name", "classification_train"}, {"auto_augment", "ra"}},
             {{{"name", "random_resized_crop"}, {"interpolation", "bicubic"}},
              {{"name", "random_horizontal_flip"}},
              {{"name", "rand_augment"}, {"interpolation", "bicubic"}},
              {{"name", "normalize"}}},
             context);
  check_same({{"name", "classification_eval"}, {"crop_size", 31}, {"resize_size", 37}, {"interpolation", "bilinear"}},
             {{{"name", "resize"}, {"size", {37}}}, {{"name", "center_crop"}, {"size", {31}}}, {{"name", "normalize"}}},
             context);
}

TEST_CASE("presets augment grey images, and refuse what they cannot", "[data][augment]") {
  const TransformContext grey{32, 36, 1};
  for (const char* policy : {"ra", "ta_wide", "augmix", "svhn"}) {
    const auto line =
        pipeline_of({{{"name", "classification_train"}, {"auto_augment", policy}, {"random_erase", 1.0}}}, grey);
    CHECK(line.apply(test::formula_image("noise", 40, 50, 1), {}).sizes() == torch::IntArrayRef({1, 32, 32}));
  }
  CHECK(test::user_error([] {
          pipeline_of({{{"name", "classification_train"}, {"auto_augment", "ra"}}}, {32, 36, 4});
        }) == "data.augment.0: needs images with 1 or 3 channels, but these have 4");
}
