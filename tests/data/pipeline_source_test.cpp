#include "data/pipeline_source.h"

#include <algorithm>
#include <filesystem>
#include <future>

#include "data/image_preparation.h"
#include "data/scenes.h"

using namespace mlrun;
using namespace mlrun::data;

namespace {

/// Nothing in these lists asks for other samples.
class NoOthers : public Others {
 public:
  Scene draw(KeyedRandom&) const override { throw InternalError(__FILE__, __LINE__, "no others"); }
};

/// Each transform alone: its own pixels, and targets that follow what it alone plans.
Sample step_by_step(const std::vector<config::Component>& list, const TransformContext& context, Sample sample,
                    const Followers& followers, const SampleKey& key) {
  torch::Tensor image = sample.inputs.tensor("image");
  followers.follow(Window(image.size(0), image.size(1)), sample.targets);
  int place = 0;
  for (const auto& component : list) {
    for (const auto& transform : recipes::transforms().make(component, context)) {
      const std::string purpose = "transform " + std::to_string(place++);
      KeyedRandom planned = key.random(purpose), random = key.random(purpose);
      Window window(image.size(0), image.size(1));
      if (transform->places() == Places::Planned) {
        REQUIRE(transform->plan(window, planned));
        image = transform->apply(image, random);
        followers.follow(window, sample.targets);
        continue;
      }
      Scene scene{image, sample.targets};
      transform->apply_to(scene, {followers, NoOthers()}, random);
      image = scene.image, sample.targets = scene.targets;
    }
  }
  sample.inputs.set("image", image);
  return sample;
}

/// Steps of which lists are drawn.
const Json& steps_to_draw() {
  static const Json steps = {
      {{"name", "resize"}, {"size", {45, 38}}},
      {{"name", "resize"}, {"size", {29}}, {"interpolation", "bicubic"}},
      {{"name", "random_resize"}, {"min_size", 20}, {"max_size", 70}},
      {{"name", "scale_jitter"}, {"size", {40}}, {"scale", {0.3, 1.6}}},
      {{"name", "random_crop"}, {"size", {24, 31}}, {"pad_if_smaller", true}},
      {{"name", "random_crop"}, {"size", {30, 26}}, {"padding", {5, 9}}, {"pad_if_needed", true}, {"fill", {9, 8, 7}}},
      {{"name", "random_crop"}, {"size", {9}}, {"padding", {40}}},  // may show nothing of the image
      {{"name", "center_crop"}, {"size", {33}}},
      {{"name", "random_resized_crop"}, {"size", {28}}},
      {{"name", "random_horizontal_flip"}},
      {{"name", "random_vertical_flip"}},
      {{"name", "random_rotation"}, {"degrees", {40}}, {"interpolation", "bilinear"}, {"fill", {1, 2, 3}}},
      {{"name", "color_jitter"}, {"brightness", {0.4}}},
      {{"name", "rand_augment"}},
      {{"name", "trivial_augment_wide"}, {"fill", {50}}},
  };
  return steps;
}

std::vector<config::Component> drawn_list(KeyedRandom& random) {
  Json list = Json::array();
  for (std::uint64_t count = 1 + random.below(6); count > 0; --count) {
    list.push_back(steps_to_draw()[random.below(steps_to_draw().size())]);
  }
  list.push_back({{"name", "random_crop"}, {"size", {9}}, {"pad_if_smaller", true}});
  list.push_back("normalize");
  INFO(list.dump());
  return test::transform_components(list);
}

std::string names_of(const std::vector<config::Component>& list) {
  std::string text;
  for (const auto& component : list) text += component.name + " ";
  return text;
}

std::shared_ptr<const Pipeline> pipeline_of(const std::vector<config::Component>& list,
                                            const TransformContext& context = {}) {
  return std::make_shared<Pipeline>(recipes::transforms(), list, context, "data.augment", test::all_followers());
}

std::vector<std::string> jpeg_files() {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(test::fixture("data/jpeg_parts"))) {
    files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

void check_same(const std::shared_ptr<const test::SceneSource>& raw, int lists) {
  const TransformContext context{32, 36, 3};
  for (int i = 0; i < lists; ++i) {
    KeyedRandom random(3, "lists", static_cast<std::uint64_t>(i), static_cast<std::uint64_t>(raw->size()));
    const auto list = drawn_list(random);
    const PipelineSource source(raw, pipeline_of(list, context), {});
    const SampleKey key{i % raw->size(), 2, 9};
    INFO("list " << i << ": " << names_of(list));
    const Sample expected = step_by_step(list, context, raw->get(key), test::all_followers(), key);
    const Sample found = source.get(key);
    REQUIRE(found.id == expected.id);
    REQUIRE(torch::equal(found.inputs.tensor("image"), expected.inputs.tensor("image")));
    test::require_equal_targets(found.targets, expected.targets);
  }
}

}  // namespace

TEST_CASE("targets follow their images through any list, together and step by step", "[data][scene]") {
  std::vector<torch::Tensor> images;
  for (const auto& [height, width] : {std::pair(61, 47), std::pair(33, 80), std::pair(24, 24), std::pair(12, 90)}) {
    images.push_back(test::formula_image("noise", height, width, 3));
  }
  check_same(std::make_shared<test::SceneSource>(images), 500);
}

TEST_CASE("targets follow images of which parts are decoded", "[data][scene]") {
  check_same(std::make_shared<test::SceneSource>(jpeg_files()), 60);
}

TEST_CASE("a pipeline without followers leaves targets alone and gives the same image", "[data][scene]") {
  const auto raw = std::make_shared<test::SceneSource>(jpeg_files());
  const auto list = test::transform_components({{{"name", "random_resize"}, {"min_size", 20}, {"max_size", 70}},
                                                "random_horizontal_flip",
                                                {{"name", "random_crop"}, {"size", {32}}, {"pad_if_smaller", true}}});
  const auto plain = std::make_shared<Pipeline>(recipes::transforms(), list, TransformContext{}, "data.augment");
  const PipelineSource followed(raw, pipeline_of(list), {}), alone(raw, plain, {});
  for (std::int64_t i = 0; i < raw->size(); ++i) {
    const Sample one = followed.get({i, 0, 1}), other = alone.get({i, 0, 1});
    REQUIRE(torch::equal(one.inputs.tensor("image"), other.inputs.tensor("image")));
    test::require_equal_targets(other.targets, raw->get({i, 0, 1}).targets);
    REQUIRE(one.targets.tensor("mask").sizes() == torch::IntArrayRef({32, 32}));
    REQUIRE(one.targets.tensor("numbers").scalar_type() == torch::kLong);
  }
}

TEST_CASE("a task of images with targets takes all from its recipe", "[data][scene]") {
  config::Recipe recipe;
  recipe.train.memory_format = "channels_last";
  recipe.data.augment =
      test::transform_components({{{"name", "random_crop"}, {"size", {24}}, {"pad_if_smaller", true}}});
  recipe.data.preprocess = test::transform_components({{{"name", "resize"}, {"size", {30}}}, "normalize"});
  const ImagePreparation images(recipes::transforms(), recipe, {24, 30, 3}, test::all_followers());
  const auto raw = std::make_shared<test::SceneSource>(jpeg_files());
  const Sample seen = images.source(raw, true, {})->get({1, 0, 0}),
               judged = images.source(raw, false, {})->get({1, 0, 0});
  CHECK(seen.targets.tensor("mask").sizes() == torch::IntArrayRef({24, 24}));
  CHECK(seen.inputs.tensor("image").stride(0) == 1);
  const auto& mask = judged.targets.tensor("mask");
  CHECK(std::min(mask.size(0), mask.size(1)) == 30);
  CHECK(mask.sizes() == judged.inputs.tensor("image").sizes().slice(1));
  CHECK(judged.targets.tensor("boxes")[0][3].item<float>() == static_cast<float>(mask.size(0)));
  CHECK(images.picture(judged, false).sizes().slice(0, 2) == mask.sizes());
  // A file has no targets; its image is what evaluation sees.
  const Sample alone = images.sample_of(images.decoded(jpeg_files()[1]), "alone");
  CHECK(torch::equal(alone.inputs.tensor("image"), judged.inputs.tensor("image")));
  CHECK(alone.targets.size() == 0);
  CHECK(images.source(nullptr, true, {}) == nullptr);
}

TEST_CASE("a sample's key decides about its targets, whatever thread", "[data][scene]") {
  const auto raw = std::make_shared<test::SceneSource>(jpeg_files());
  const auto list = test::transform_components({{{"name", "mosaic"}, {"size", {24}}}, "random_horizontal_flip"});
  const PipelineSource source(raw, pipeline_of(list), {});
  std::vector<Sample> samples;
  for (std::int64_t i = 0; i < raw->size(); ++i) samples.push_back(source.get({i, 4, 1}));
  std::vector<std::future<Sample>> threads;
  for (std::int64_t i = 0; i < raw->size(); ++i) {
    threads.push_back(std::async(std::launch::async, [&source, i] { return source.get({i, 4, 1}); }));
  }
  for (std::size_t i = 0; i < threads.size(); ++i) {
    const Sample again = threads[i].get();
    CHECK(torch::equal(again.inputs.tensor("image"), samples[i].inputs.tensor("image")));
    test::require_equal_targets(again.targets, samples[i].targets);
  }
  CHECK_FALSE(torch::equal(source.get({0, 5, 1}).inputs.tensor("image"), samples[0].inputs.tensor("image")));
}

TEST_CASE("a target that does not fit its image names the sample", "[data][scene]") {
  class Broken : public test::SceneSource {
   public:
    Broken(const char* field, torch::Tensor value)
        : SceneSource({test::formula_image("noise", 8, 9, 3)}), field_(field), value_(std::move(value)) {}
    Sample get(const SampleKey& key) const override {
      Sample sample = SceneSource::get(key);
      sample.targets.set(field_, value_);
      return sample;
    }

   private:
    std::string field_;
    torch::Tensor value_;
  };
  const auto error = [](const char* field, const torch::Tensor& value) {
    const PipelineSource source(std::make_shared<Broken>(field, value), pipeline_of({}), {});
    return test::user_error([&] { source.get({0, 0, 0}); });
  };
  CHECK(error("mask", torch::zeros({9, 8}, torch::kByte)) ==
        "sample scene 0: its mask has 9 x 8 where its image has 8 x 9 pixels; mend or remove it");
  CHECK(error("things", torch::zeros({2, 8, 8}, torch::kBool)) ==
        "sample scene 0: its things has 2 x 8 x 8 where its image has 8 x 9 pixels; mend or remove it");
  CHECK(error("boxes", torch::zeros({2, 5})) ==
        "sample scene 0: its boxes are no rows of four floats but 2 x 5 where its image has 8 x 9 pixels; mend or "
        "remove it");
  CHECK(error("points", torch::zeros({1, 1, 3})) ==
        "sample scene 0: its points are too few for their pairs: 1 x 1 x 3 where its image has 8 x 9 pixels; mend or "
        "remove it");
}

TEST_CASE("what targets cannot follow is refused when the list is read", "[data][scene]") {
  const auto error = [](const Json& steps) {
    return test::user_error([&] { pipeline_of(test::transform_components(steps)); });
  };
  CHECK(
      error({"resize", "augmix"}) ==
      "data.augment.1: 'augmix' mixes or repeats parts of an image, where this task's targets cannot follow; leave it "
      "out; padding of one value can be followed");
  const Json reflected = {{"name", "random_crop"}, {"size", {8}}, {"padding", {2}}, {"padding_mode", "reflect"}};
  CHECK(error(Json::array({reflected})).find("data.augment.0: 'random_crop' mixes or repeats parts") == 0);
  CHECK(
      test::user_error(
          [] { Pipeline(recipes::transforms(), test::transform_components({"mosaic"}), {}, "data.augment"); }) ==
      "data.augment.0: 'mosaic' puts several samples together, but the targets of this task are of whole images; leave "
      "it out");
}
