#include "data/transforms/transform.h"

#include <future>
#include <map>

#include "config/bind.h"
#include "data/images.h"
#include "data/transforms/image_transforms.h"

using namespace mlrun;
using namespace mlrun::data;

namespace {

std::vector<config::Component> components(const Json& steps) {
  std::vector<config::Component> list;
  for (const auto& step : steps) {
    if (step.is_string()) list.push_back(test::transform_component(step));
    else list.push_back(test::transform_component(step.at("name"), step));
  }
  return list;
}

Pipeline pipeline(const Json& steps, const TransformContext& context = {}) {
  return Pipeline(recipes::transforms(), components(steps), context, "data.augment");
}

std::string pipeline_error(const Json& steps, const TransformContext& context = {}) {
  return test::user_error([&] { pipeline(steps, context); });
}

}  // namespace

TEST_CASE("pipelines give torchvision's bits", "[data]") {
  const Json cases = test::fixture_cases("data/transforms.json");
  REQUIRE(cases.size() >= 29);
  for (const auto& expected : cases) {
    INFO(expected.dump());
    const auto image = test::described_image(expected.at("image"));
    const TransformContext context{expected.at("input_size"), expected.at("resize_size"), image.size(2)};
    const auto line = pipeline(expected.at("transforms"), context);
    const auto result = line.apply(image, {});
    CHECK(result.scalar_type() == torch::kFloat32);
    CHECK(result.sizes().vec() == expected.at("result_shape").get<std::vector<std::int64_t>>());
    CHECK(line.channels() == result.size(0));
    CHECK(test::sha256_of(result) == expected.at("sha256"));
  }
}

TEST_CASE("a sample's key decides everything, whatever thread or order", "[data]") {
  const auto line = pipeline({"classification_train"}, {32, 36, 3});
  const auto image = test::formula_image("noise", 60, 80, 3);
  constexpr int kSamples = 24;
  std::vector<torch::Tensor> forward;
  for (int i = 0; i < kSamples; ++i) forward.push_back(line.apply(image, {i, 2, 7}));
  std::vector<std::future<torch::Tensor>> threads;
  for (int i = kSamples - 1; i >= 0; --i) {
    threads.push_back(std::async(std::launch::async, [&, i] { return line.apply(image, {i, 2, 7}); }));
  }
  for (int i = 0; i < kSamples; ++i) {
    CHECK(
        torch::equal(threads[static_cast<std::size_t>(kSamples - 1 - i)].get(), forward[static_cast<std::size_t>(i)]));
  }
  CHECK_FALSE(torch::equal(forward[0], forward[1]));
  CHECK_FALSE(torch::equal(forward[0], line.apply(image, {0, 3, 7})));
  CHECK_FALSE(torch::equal(forward[0], line.apply(image, {0, 2, 8})));
}

TEST_CASE("a pipeline tells in numbers what it does", "[data]") {
  const TransformContext published{224, 256, 3};
  const Json imagenet = {{"mean", {0.485, 0.456, 0.406}}, {"std", {0.229, 0.224, 0.225}}};
  const auto facts = [&](const Json& steps, Json expected, const Json& statistics) {
    expected.update(statistics);
    INFO(steps.dump());
    using Facts = std::map<std::string, Json>;  // in any order
    CHECK(pipeline(steps, published).facts().get<Facts>() == expected.get<Facts>());
  };
  const Json plain = {{"mean", {0.0}}, {"std", {1.0}}};
  const Json preset = {{"name", "classification_eval"}, {"resize_size", 72}, {"crop_size", 64}};
  facts(Json::array({preset}), {{"input_size", 64}, {"resize_size", 72}, {"interpolation", "bilinear"}}, imagenet);
  facts(Json::array({"classification_eval"}),
        {{"input_size", 224}, {"resize_size", 256}, {"interpolation", "bilinear"}}, imagenet);
  const auto resize = [](const Json& size) { return Json{{"name", "resize"}, {"size", size}}; };
  const auto crop = [](const Json& size) { return Json{{"name", "center_crop"}, {"size", size}}; };
  const auto resized = [](const Json& size) { return Json{{"resize_size", size}, {"interpolation", "bilinear"}}; };
  const auto at = [](Json facts, const Json& size) {
    facts["input_size"] = size;
    return facts;
  };
  facts(Json::array({resize({48, 64}), "normalize"}), at(resized({48, 64}), {48, 64}), imagenet);
  facts(Json::array({resize({64, 64})}), at(resized(64), 64), plain);
  facts(Json::array({resize({64})}), resized(64), plain);  // keeps proportions: the size is the image's
  facts(Json::array({crop({40, 80}), resize({20})}), at(resized(20), {20, 40}), plain);
  facts(Json::array({crop({40})}), {{"input_size", 40}}, plain);
  facts(Json::array({"none"}), Json::object(), plain);
}

TEST_CASE("two equal transforms in a list draw apart", "[data]") {
  const Json flip = {{"name", "random_horizontal_flip"}};
  const auto twice = pipeline({flip, flip});
  const auto image = test::formula_image("noise", 2, 5, 3);
  const auto plain = pipeline(Json::array()).apply(image, {});
  int flipped = 0;
  for (int i = 0; i < 400; ++i) flipped += torch::equal(twice.apply(image, {i, 0, 0}), plain) ? 0 : 1;
  CHECK(flipped > 150);  // a shared stream would undo every flip
  CHECK(flipped < 250);
}

TEST_CASE("what comes later in a list does not change earlier draws", "[data]") {
  const Json crop = {{"name", "random_crop"}, {"size", {8}}};
  const auto image = test::formula_image("noise", 30, 30, 3);
  const auto alone = pipeline(Json::array({crop})),
             followed = pipeline({crop, {{"name", "random_vertical_flip"}, {"p", 1.0}}});
  for (int i = 0; i < 10; ++i) {
    CHECK(torch::equal(alone.apply(image, {i, 0, 0}).flip(1), followed.apply(image, {i, 0, 0})));
  }
}

TEST_CASE("presets do what the model's published weights were evaluated with", "[data]") {
  TransformContext context{64, 72, 3};
  context.interpolation = "bicubic";
  context.mean = {0.5, 0.4, 0.3};
  context.deviation = {0.2, 0.3, 0.4};
  const Json normalize = {{"name", "normalize"}, {"mean", {0.5, 0.4, 0.3}}, {"std", {0.2, 0.3, 0.4}}};
  const Json resize = {{"name", "resize"}, {"size", {72}}, {"interpolation", "bicubic"}};
  const Json crop = {{"name", "center_crop"}, {"size", {64}}};
  const auto image = test::formula_image("noise", 101, 133, 3);
  CHECK(torch::equal(pipeline({"classification_eval"}, context).apply(image, {}),
                     pipeline({resize, crop, normalize}).apply(image, {})));
  const Json random_crop = {{"name", "random_resized_crop"}, {"size", {64}}, {"interpolation", "bicubic"}};
  CHECK(torch::equal(pipeline({"classification_train"}, context).apply(image, {5, 1, 2}),
                     pipeline({random_crop, "random_horizontal_flip", normalize}).apply(image, {5, 1, 2})));
  // Statistics of three channels are none for grey images.
  context.channels = 1;
  const auto grey = test::formula_image("noise", 80, 80, 1);
  TransformContext plain{64, 72, 1};
  plain.interpolation = "bicubic";
  CHECK(torch::equal(pipeline({"classification_eval"}, context).apply(grey, {}),
                     pipeline({"classification_eval"}, plain).apply(grey, {})));
}

TEST_CASE("presets take sizes and channels from the model and the data", "[data]") {
  const auto colour = test::formula_image("noise", 50, 70, 3), grey = test::formula_image("noise", 50, 70, 1);
  CHECK(pipeline({"classification_train"}).apply(colour, {}).sizes() == torch::IntArrayRef({3, 224, 224}));
  CHECK(pipeline({"classification_train"}, {96, 110, 1}).apply(grey, {}).sizes() == torch::IntArrayRef({1, 96, 96}));
  CHECK(pipeline({"classification_eval"}, {96, 110, 1}).apply(grey, {}).sizes() == torch::IntArrayRef({1, 96, 96}));
  CHECK(recipes::transforms().make(recipes::transforms().defaults("none"), {}).empty());
  const auto scaled = pipeline({"none"}).apply(colour, {});
  CHECK(torch::equal(scaled, colour.permute({2, 0, 1}).to(torch::kFloat32).div(255)));
  CHECK(imagenet_statistics(1).mean == std::vector<double>{0.449});
  CHECK(imagenet_statistics(1).deviation == std::vector<double>{0.226});
}

TEST_CASE("a preset is the list it names", "[data]") {
  const auto image = test::formula_image("noise", 50, 70, 3);
  const Json train = {{{"name", "random_resized_crop"}, {"size", {40}}}, "random_horizontal_flip", "normalize"};
  for (int i = 0; i < 8; ++i) {
    CHECK(torch::equal(pipeline({"classification_train"}, {40, 48, 3}).apply(image, {i, 0, 1}),
                       pipeline(train).apply(image, {i, 0, 1})));
  }
}

TEST_CASE("grayscale changes the channels that normalize must fit", "[data]") {
  const Json grey = {{"name", "grayscale"}, {"num_output_channels", 1}};
  const Json colour = {{"name", "grayscale"}, {"num_output_channels", 3}};
  CHECK(pipeline(Json::array({grey})).channels() == 1);
  CHECK(pipeline({colour, "classification_eval"}, {224, 256, 1}).channels() == 3);
  CHECK(pipeline_error({grey, "normalize"}) ==
        "data.augment.1.mean: has 3 values, but the images have 1 channel; give one value");
}

TEST_CASE("nothing may follow normalize", "[data]") {
  CHECK(pipeline_error({"normalize", "random_horizontal_flip"}) ==
        "data.augment.1: 'random_horizontal_flip' follows 'normalize', which normalizes and so comes last; move "
        "'random_horizontal_flip' before it");
  CHECK(pipeline_error({"resize", "classification_eval", "center_crop"}) ==
        "data.augment.2: 'center_crop' follows 'classification_eval', which normalizes and so comes last; replace the "
        "preset 'classification_eval' by a list of single transforms");
  CHECK(pipeline_error({"normalize", "normalize"}) ==
        "data.augment.1: 'normalize' follows 'normalize', which normalizes and so comes last; remove one of them");
}

TEST_CASE("an unknown transform lists the nearest at its place", "[data]") {
  const std::vector<config::Component> list = {{"random_crops", nullptr}};
  const std::string error = test::user_error([&] { Pipeline(recipes::transforms(), list, {}, "data.preprocess"); });
  CHECK_THAT(error, Catch::Matchers::ContainsSubstring("data.preprocess.0") &&
                        Catch::Matchers::ContainsSubstring("random_crop"));
}

TEST_CASE("recipes name transforms, with one size or two", "[data]") {
  struct Section {
    std::vector<config::Component> augment;
    static void declare(config::Declare<Section>& d) {
      d("augment", &Section::augment, "transforms").component("transform");
    }
  };
  config::Catalogue catalogue;
  catalogue.add(recipes::transforms());
  const auto bound = [&](const std::string& text) {
    Section section;
    config::Provenance provenance;
    std::vector<Problem> problems;
    config::bind_node(config::parse_yaml(text, "r.yaml"), *config::spec_of<Section>(), catalogue, &section, "",
                      provenance, problems);
    if (!problems.empty()) throw UserError(problems);
    const auto image = test::formula_image("noise", 50, 70, 3);
    return Pipeline(recipes::transforms(), section.augment, {}, "augment").apply(image, {}).sizes().vec();
  };
  using Sizes = std::vector<std::int64_t>;
  CHECK(bound("augment: classification_train\n") == Sizes{3, 224, 224});
  CHECK(bound("augment: [{name: resize, size: 30}]\n") == Sizes{3, 30, 42});
  CHECK(bound("augment: [{name: resize, size: [30, 20]}, {name: center_crop, size: 16}]\n") == Sizes{3, 16, 16});
  CHECK(bound("augment:\n- {name: random_crop, size: 50, padding: 4}\n- random_vertical_flip\n") == Sizes{3, 50, 50});
  const auto error = [&](const std::string& text) { return test::user_error([&] { bound(text); }); };
  CHECK(error("augment: [{name: resize, size: 0}]\n") ==
        "r.yaml:1:32: augment.0.size: expected an integer of at least 1 (pixels), got 0");
  CHECK(error("augment: [{name: resize, size: [1, 2, 3]}]\n") ==
        "r.yaml:1:32: augment.0.size: takes one value, or height and width; not 3");
  CHECK(error("augment: [{name: resize, interpolation: lanczos}]\n") ==
        "r.yaml:1:41: augment.0.interpolation: expected nearest, bilinear or bicubic, got \"lanczos\"");
}

TEST_CASE("every transform documents itself", "[data]") {
  const std::vector<std::string> expected = {"resize",
                                             "random_resize",
                                             "scale_jitter",
                                             "center_crop",
                                             "random_crop",
                                             "random_resized_crop",
                                             "random_horizontal_flip",
                                             "random_vertical_flip",
                                             "random_rotation",
                                             "mosaic",
                                             "simple_copy_paste",
                                             "random_photometric_distort",
                                             "random_zoom_out",
                                             "random_iou_crop",
                                             "fixed_size_crop",
                                             "random_shortest_size",
                                             "grayscale",
                                             "color_jitter",
                                             "auto_augment",
                                             "rand_augment",
                                             "trivial_augment_wide",
                                             "augmix",
                                             "normalize",
                                             "random_erasing",
                                             "none",
                                             "classification_train",
                                             "classification_eval",
                                             "segmentation_train",
                                             "segmentation_eval",
                                             "detection_train",
                                             "detection_ssd",
                                             "detection_ssdlite",
                                             "detection_lsj",
                                             "detection_multiscale",
                                             "detection_eval"};
  CHECK(recipes::transforms().names() == expected);
  for (const auto& entry : recipes::transforms().entries()) {
    INFO(entry.name);
    CHECK_FALSE(entry.description.empty());
    for (const auto& field : entry.options->fields) CHECK_FALSE(field.help.empty());
    for (const auto& rule : entry.options->rules) CHECK(rule.broken(entry.options->make().get()).empty());
  }
}

TEST_CASE("what a pipeline made can be looked at again", "[data][transform]") {
  const torch::Tensor image = torch::arange(256 * 3, torch::kInt).remainder(256).to(torch::kByte).reshape({16, 16, 3});
  for (const char* name : {"normalize", "none"}) {
    const Pipeline pipeline(recipes::transforms(), components({name}), {}, "data.augment");
    const torch::Tensor viewed = pipeline.viewable(pipeline.apply(image, {}));
    REQUIRE(viewed.is_contiguous());
    REQUIRE(torch::equal(viewed, image));
  }
}
