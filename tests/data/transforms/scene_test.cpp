#include "data/transforms/scene.h"

#include <map>
#include <set>

#include "data/passage.h"
#include "data/pipeline_source.h"
#include "data/scenes.h"
#include "data/transforms/random_resize.h"

using namespace mlrun;
using namespace mlrun::data;

namespace {

/// A step of a fixture's case, with what torchvision's references would have drawn.
class GivenStep : public Transform {
 public:
  explicit GivenStep(const Json& step) : name_(step.begin().key()), value_(step.begin().value()) {}

  torch::Tensor apply(const torch::Tensor&, KeyedRandom&) const override {
    throw InternalError(__FILE__, __LINE__, name_);
  }
  Places places() const override { return Places::Planned; }

  bool plan(Window& window, KeyedRandom&) const override {
    if (name_ == "hflip") return window.mirror(), true;
    if (name_ == "vflip") return window.upturn(), true;
    if (name_ == "crop") return window.frame({value_[0], value_[1], value_[2], value_[3]}, {0});
    if (name_ == "pad_if_smaller") {
      const std::int64_t height = std::max<std::int64_t>(window.height(), value_);
      return window.frame({0, 0, height, std::max<std::int64_t>(window.width(), value_)}, {0});
    }
    REQUIRE(name_ == "resized");
    const ImageSize size =
        value_.is_array() ? ImageSize{value_[0], value_[1]} : size_of_shorter(value_, window.height(), window.width());
    return window.resize(size.height, size.width, Interpolation::Bilinear);
  }

 private:
  std::string name_;
  Json value_;
};

std::unique_ptr<Transform> given_step(const Json& step) {
  if (!step.contains("rotate")) return std::make_unique<GivenStep>(step);
  const Json angles = {step.at("rotate"), step.at("rotate")};
  return test::single_transform("random_rotation",
                                {{"degrees", angles}, {"interpolation", "bilinear"}, {"fill", {7, 8, 9}}});
}

class NoOtherScenes : public Others {
 public:
  Scene draw(KeyedRandom&) const override { throw InternalError(__FILE__, __LINE__, "no others"); }
};

torch::Tensor tensor_of(const Json& rows) {
  std::vector<torch::Tensor> tensors;
  for (const auto& row : rows) {
    tensors.push_back(row.at(0).is_array() ? tensor_of(row) : torch::tensor(row.get<std::vector<float>>()));
  }
  return torch::stack(tensors);
}

/// A source of scenes that a mosaic of 2 x 2 quarters shows: each image of one colour, its number.
class Colours : public Source {
 public:
  std::int64_t size() const override { return 50; }
  Sample get(const SampleKey& key) const override {
    Sample sample;
    sample.id = std::to_string(key.index);
    const std::int64_t height = 10 + key.index, width = 60 - key.index;
    sample.inputs.set("image", torch::full({height, width, 3}, key.index, torch::kByte));
    sample.targets.set("mask", torch::full({height, width}, key.index, torch::kLong));
    sample.targets.set("boxes", torch::tensor({{0L, 0L, width, height}}, torch::kFloat));
    sample.targets.set("labels", torch::tensor({key.index}, torch::kLong));
    return sample;
  }
};

Sample mosaic_sample(std::int64_t index, std::int64_t epoch, const Json& before = Json::array()) {
  Json steps = before;
  steps.push_back({{"name", "mosaic"}, {"size", {30, 40}}, {"fill", {114}}});
  const Followers followers = {{"mask", follow_masks(255)}, {"boxes", follow_boxes()}, {"labels", follow_rows()}};
  const Pipeline line(recipes::transforms(), test::transform_components(steps), {}, "data.augment", followers);
  BatchMemory memory(1);
  return line.sample(Colours(), {index, epoch, 6}, memory);
}

}  // namespace

TEST_CASE("images and targets have the bits of torchvision's references", "[data][scene]") {
  const Json fixture = Json::parse(read_file(test::fixture("data/scenes.json")));
  const auto pairs = fixture.at("pairs").get<std::vector<std::pair<std::int64_t, std::int64_t>>>();
  const Followers followers = {
      {"mask", follow_masks(255)}, {"boxes", follow_boxes()}, {"points", follow_keypoints(pairs)}};
  REQUIRE(fixture.at("cases").size() >= 17);
  for (const auto& expected : fixture.at("cases")) {
    INFO(expected.at("steps").dump());
    const std::int64_t height = expected.at("image")[0], width = expected.at("image")[1];
    Fields targets = {{"mask", test::formula_mask(height, width)},
                      {"boxes", tensor_of(expected.at("boxes"))},
                      {"points", tensor_of(expected.at("points"))}};
    Passage passage(ImageReader(test::formula_image("noise", height, width, 3)), targets, followers, "x");
    for (const auto& step : expected.at("steps")) passage.take(*given_step(step), {}, "x", NoOtherScenes());
    const Scene scene = passage.scene();
    CHECK(scene.image.size(0) == expected.at("size")[0].get<std::int64_t>());
    CHECK(test::sha256_of(scene.image) == expected.at("image_sha256"));
    CHECK(test::sha256_of(scene.targets.tensor("mask")) == expected.at("mask_sha256"));
    for (const char* name : {"boxes", "points"}) {
      const std::string after = std::string(name) + "_after";
      if (expected.contains(after)) CHECK(torch::equal(scene.targets.tensor(name), tensor_of(expected.at(after))));
    }
  }
}

TEST_CASE("scale_jitter makes the sizes of torchvision's reference", "[data][scene]") {
  const Json jitters = Json::parse(read_file(test::fixture("data/scenes.json"))).at("jitters");
  REQUIRE(jitters.size() == 40);
  for (const auto& one : jitters) {
    INFO(one.dump());
    const std::int64_t target = one.at("target");
    const ImageSize size =
        jittered_size(one.at("image")[0], one.at("image")[1], {target, target}, one.at("scale").get<float>());
    CHECK((size.height == one.at("size")[0] && size.width == one.at("size")[1]));
  }
  const ImageSize tall = jittered_size(100, 50, {60, 90}, 0.5F);
  CHECK((tall.height == 30 && tall.width == 15));
  const ImageSize least = jittered_size(1000, 2, {32, 32}, 0.1F);
  CHECK((least.height == 3 && least.width == 1));
}

TEST_CASE("random_resize draws every size in its range alike", "[data][scene]") {
  const auto resize = test::single_transform("random_resize", {{"min_size", 5}, {"max_size", 9}});
  std::map<std::int64_t, int> seen;
  for (std::uint64_t i = 0; i < 2000; ++i) {
    KeyedRandom random(1, "sizes", 0, i);
    Window window(20, 30);
    REQUIRE(resize->plan(window, random));
    REQUIRE(window.width() == window.height() * 30 / 20);
    ++seen[window.height()];
  }
  REQUIRE(seen.size() == 5);
  for (const auto& [size, count] : seen) CHECK(std::abs(count - 400) < 100);
  Window window(20, 30);
  KeyedRandom random(1, "sizes");
  const TransformContext context{64, 72, 3};
  REQUIRE(test::single_transform("random_resize", {{"min_size", 72}, {"max_size", 72}}, context)->plan(window, random));
  CHECK((window.height() == 72 && window.width() == 108));
  CHECK(test::broken_rule("random_resize", {{"min_size", 9}, {"max_size", 8}}) ==
        "max_size: must not be below min_size");
  CHECK(test::broken_rule("random_crop", {{"pad_if_smaller", true}, {"pad_if_needed", true}}) ==
        "pad_if_smaller: is another way than pad_if_needed: set one of them");
  CHECK(test::broken_rule("random_rotation", {{"degrees", {-3}}}) == "degrees: one value must not be negative");
  CHECK(test::broken_rule("random_rotation", {{"degrees", {3, 2}}}) == "degrees: the smallest comes first");
}

TEST_CASE("random_crop pads a smaller image on the right and below alone", "[data][scene]") {
  const auto crop = test::single_transform("random_crop", {{"size", {8}}, {"pad_if_smaller", true}, {"fill", {5}}});
  const auto image = test::formula_image("noise", 6, 12, 3);
  std::set<std::int64_t> lefts;
  for (std::uint64_t i = 0; i < 100; ++i) {
    KeyedRandom planned(2, "crop", 0, i), random(2, "crop", 0, i);
    Window window(6, 12);
    REQUIRE(crop->plan(window, planned));
    const auto part = crop->apply(image, random);
    CHECK((window.shown().top == 0 && window.shown().height == 6 && window.shown().width == 8));
    CHECK(part.slice(0, 6, 8).eq(5).all().item<bool>());
    lefts.insert(window.across().offset);
  }
  CHECK(lefts.size() == 5);
}

TEST_CASE("a mosaic has four samples, each with its targets", "[data][scene]") {
  std::set<std::int64_t> others;
  for (std::int64_t index = 0; index < 40; ++index) {
    INFO(index);
    const Sample sample = mosaic_sample(index, 0);
    const auto image = sample.inputs.tensor("image"), mask = sample.targets.tensor("mask");
    REQUIRE(image.sizes() == torch::IntArrayRef({3, 60, 80}));
    const auto colours = image[0].mul(255).round().to(torch::kLong);
    CHECK(torch::equal(mask.masked_fill(mask.eq(255), 114), colours));  // the image's fill, where no image is
    const auto boxes = sample.targets.tensor("boxes"), labels = sample.targets.tensor("labels");
    REQUIRE(boxes.sizes() == torch::IntArrayRef({4, 4}));
    REQUIRE(labels[0].item<std::int64_t>() == index);
    for (std::int64_t i = 0; i < 4; ++i) {
      const auto box = boxes[i].round().to(torch::kLong);  // scaled in float32
      const auto part = mask.slice(0, box[1].item<std::int64_t>(), box[3].item<std::int64_t>())
                            .slice(1, box[0].item<std::int64_t>(), box[2].item<std::int64_t>());
      REQUIRE(part.numel() > 0);
      CHECK(part.eq(labels[i]).all().item<bool>());
      if (i > 0) others.insert(labels[i].item<std::int64_t>());
    }
    // Left above, right above, left below, right below: they touch at one point.
    const auto sides = boxes.round();
    CHECK(torch::equal(sides[0].slice(0, 2, 4), sides[3].slice(0, 0, 2)));
    CHECK(torch::equal(sides[1][0], sides[2][2]));
    CHECK(torch::equal(sides[1][3], sides[2][1]));
  }
  CHECK(others.size() > 40);
  CHECK_FALSE(torch::equal(mosaic_sample(3, 0).targets.tensor("labels"), mosaic_sample(3, 1).targets.tensor("labels")));
}

TEST_CASE("other samples come as the transforms before leave them", "[data][scene]") {
  const Json resize = {{"name", "resize"}, {"size", {30, 40}}};
  const Sample sample = mosaic_sample(7, 0, Json::array({resize, "random_horizontal_flip"}));
  // Each has the size of a quarter now, so that the canvas has no fill at the point where they touch.
  const auto boxes = sample.targets.tensor("boxes");
  const auto sides = boxes.slice(1, 2, 4) - boxes.slice(1, 0, 2);
  CHECK(sides.select(1, 0).le(40).logical_and(sides.select(1, 1).le(30)).all().item<bool>());
  const auto corner = boxes[0].slice(0, 2, 4).round().to(torch::kLong);
  const auto mask = sample.targets.tensor("mask");
  const auto y = corner[1].item<std::int64_t>(), x = corner[0].item<std::int64_t>();
  const auto middle = mask.slice(0, y - 5, y + 5).slice(1, x - 5, x + 5);
  CHECK_FALSE(middle.eq(255).any().item<bool>());
  CHECK(test::user_error([] {
          KeyedRandom random(1, "x");
          test::single_transform("mosaic")->apply(test::formula_image("noise", 4, 4, 3), random);
        }) == "mosaic takes other samples, and a single image has none; leave it out of data.preprocess");
}
