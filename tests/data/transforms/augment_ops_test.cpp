#include "data/transforms/augment_ops.h"

#include <map>

#include "data/augment_images.h"
#include "data/transforms/augmix.h"
#include "data/transforms/auto_augment.h"
#include "data/transforms/rand_augment.h"

using namespace mlrun;
using namespace mlrun::data;

namespace {

const std::map<std::string, AugmentOp>& op_names() {
  using Op = AugmentOp;
  static const std::map<std::string, Op> names = {
      {"Identity", Op::Identity},         {"ShearX", Op::ShearX},         {"ShearY", Op::ShearY},
      {"TranslateX", Op::TranslateX},     {"TranslateY", Op::TranslateY}, {"Rotate", Op::Rotate},
      {"Brightness", Op::Brightness},     {"Color", Op::Color},           {"Contrast", Op::Contrast},
      {"Sharpness", Op::Sharpness},       {"Posterize", Op::Posterize},   {"Solarize", Op::Solarize},
      {"AutoContrast", Op::AutoContrast}, {"Equalize", Op::Equalize},     {"Invert", Op::Invert}};
  return names;
}

MagnitudeSpace space_of(const std::string& name) {
  if (name == "augmix") return augmix_magnitudes();
  return name == "trivial_augment_wide" ? wide_magnitudes() : MagnitudeSpace{};
}

/// A step as the fixtures of RandAugment, TrivialAugmentWide and AugMix have it.
AugmentStep step_of(const Json& step, const MagnitudeSpace& space, std::int64_t bins, const torch::Tensor& image) {
  const AugmentOp op = op_names().at(step.at("op"));
  const std::int64_t bin = step.at("bin");
  return {op, magnitude(space, op, bin, bins, size_of_image(image), step.at("negative"))};
}

KeyedRandom draw_for(std::uint64_t i) { return KeyedRandom(4, "augment test", 0, i); }

}  // namespace

TEST_CASE("magnitudes are torchvision's to the bit", "[data][augment]") {
  const Json cases = test::fixture_cases("data/augment_magnitudes.json");
  REQUIRE(cases.size() > 200);
  for (const auto& expected : cases) {
    INFO(expected.dump());
    const AugmentOp op = op_names().at(expected.at("op"));
    const std::int64_t bins = expected.at("bins");
    const ImageSize size{expected.at("size")[0], expected.at("size")[1]};
    CHECK(is_signed(op) == expected.at("signed").get<bool>());
    CHECK(has_magnitude(op) == !expected.at("sha256").is_null());
    if (!has_magnitude(op)) continue;
    auto values = torch::empty({bins});
    for (std::int64_t i = 0; i < bins; ++i) {
      const double value = magnitude(space_of(expected.at("space")), op, i, bins, size, false);
      values[i] = static_cast<float>(value);
      if (is_signed(op)) CHECK(magnitude(space_of(expected.at("space")), op, i, bins, size, true) == -value);
    }
    CHECK(test::short_sha256(values) == expected.at("sha256"));
  }
}

TEST_CASE("auto_augment's sub-policies give torchvision's bits", "[data][augment]") {
  const test::AugmentFixture fixture("auto_augment.json");
  REQUIRE(fixture.cases.size() == 3 * 25 * 3);
  for (const auto& expected : fixture.cases) {
    INFO(expected.dump());
    AutoAugmentDraw draw;
    draw.sub_policy = expected.at("sub_policy");
    for (std::size_t i = 0; i < 2; ++i) {
      draw.probabilities[i] = expected.at("probabilities")[i];
      draw.positive[i] = expected.at("signs")[i] == 1;
    }
    const auto& policy = auto_augment_policy(expected.at("policy"));
    REQUIRE(policy.size() == 25);
    const Resampling resampling{interpolation_of(expected.at("interpolation")), {0}};
    for (std::size_t i = 0; i < expected.at("images").size(); ++i) {
      const auto& image = fixture.images.at(expected.at("images")[i].get<std::size_t>());
      const auto steps = auto_augment_steps(policy, draw, size_of_image(image));
      CHECK(test::short_sha256(apply_steps(image, steps, resampling)) == expected.at("sha256")[i]);
    }
  }
}

TEST_CASE("rand_augment's and trivial_augment_wide's operators give torchvision's bits", "[data][augment]") {
  const test::AugmentFixture fixture("rand_augment.json");
  REQUIRE(fixture.cases.size() == 60);
  for (const auto& expected : fixture.cases) {
    INFO(expected.dump());
    const MagnitudeSpace space = expected.at("wide") ? wide_magnitudes() : MagnitudeSpace{};
    const Interpolation interpolation = interpolation_of(expected.at("interpolation"));
    for (std::size_t i = 0; i < expected.at("images").size(); ++i) {
      const auto& image = fixture.images.at(expected.at("images")[i].get<std::size_t>());
      std::vector<AugmentStep> steps;
      for (const auto& step : expected.at("steps")) steps.push_back(step_of(step, space, 31, image));
      const auto result = apply_steps(image, steps, {interpolation, test::fill_for(expected.at("fill"), image)});
      CHECK(test::short_sha256(result) == expected.at("sha256")[i]);
    }
  }
}

TEST_CASE("augmix gives torchvision's bits", "[data][augment]") {
  const test::AugmentFixture fixture("augmix.json");
  REQUIRE(fixture.cases.size() == 24);
  for (const auto& expected : fixture.cases) {
    INFO(expected.dump());
    const Interpolation interpolation = interpolation_of(expected.at("interpolation"));
    for (std::size_t i = 0; i < expected.at("images").size(); ++i) {
      const auto& image = fixture.images.at(expected.at("images")[i].get<std::size_t>());
      AugMixDraw draw;
      draw.image_weight = expected.at("image_weight");
      draw.chain_weights = expected.at("chain_weights").get<std::vector<float>>();
      for (const auto& chain : expected.at("chains")) {
        draw.chains.emplace_back();
        for (const auto& step : chain) draw.chains.back().push_back(step_of(step, augmix_magnitudes(), 10, image));
      }
      const auto result = augmix(image, draw, {interpolation, test::fill_for(expected.at("fill"), image)});
      const std::string wanted = expected.at("results")[i];
      if (!expected.at("moving")) {
        CHECK(test::short_sha256(result) == wanted);
        continue;
      }
      // LibTorch's grid_sample: equal on the CPU the fixtures are from, next to it on others.
      REQUIRE(wanted.size() == 2 * static_cast<std::size_t>(result.numel()));
      const auto* bytes = result.data_ptr<std::uint8_t>();
      int different = 0;
      for (std::size_t k = 0; 2 * k < wanted.size(); ++k) {
        const int value = std::stoi(wanted.substr(2 * k, 2), nullptr, 16);
        different += bytes[k] == value ? 0 : 1;
        REQUIRE(std::abs(bytes[k] - value) <= 1);
      }
      CHECK(different * 100 <= result.numel());
    }
  }
}

TEST_CASE("augmentations draw every operator, and depend on the key alone", "[data][augment]") {
  const auto image = test::formula_image("gradient", 19, 23, 3);
  for (const char* name : {"auto_augment", "rand_augment", "trivial_augment_wide", "augmix", "color_jitter"}) {
    INFO(name);
    Json options = Json::object();
    if (std::string(name) == "color_jitter") options = {{"brightness", {0.4}}, {"hue", {-0.1, 0.3}}};
    const auto transform = test::single_transform(name, options);
    std::map<std::string, int> results;
    for (std::uint64_t i = 0; i < 60; ++i) {
      auto random = draw_for(i), again = draw_for(i);
      const auto result = transform->apply(image, random);
      REQUIRE(result.sizes() == image.sizes());
      REQUIRE(result.scalar_type() == torch::kUInt8);
      REQUIRE(result.is_contiguous());
      CHECK(torch::equal(result, transform->apply(image, again)));
      ++results[test::short_sha256(result)];
    }
    CHECK(results.size() > 12);
  }
}

TEST_CASE("operators and signs are drawn evenly", "[data][augment]") {
  // A photo on which each of the 14 operators, and each sign of nine of them, has a result of its own.
  const torch::Tensor image = test::AugmentFixture("rand_augment.json").images[0];
  const auto transform = test::single_transform("rand_augment", {{"num_ops", 1}});
  constexpr int kDraws = 2800;
  std::map<std::string, int> results;
  for (std::uint64_t i = 0; i < kDraws; ++i) {
    auto random = draw_for(i);
    ++results[test::short_sha256(transform->apply(image, random))];
  }
  CHECK(results.size() == 5 + 2 * 9);
  int halves = 0;
  for (const auto& [result, count] : results) {
    const bool half = count < 150;  // one sign of an operator: 100 of 2,800, the others 200
    halves += half ? 1 : 0;
    CHECK(std::abs(count - (half ? 100 : 200)) < 60);
  }
  CHECK(halves == 2 * 9);
}

TEST_CASE("automatic augmentations check their options", "[data][augment]") {
  CHECK(test::broken_rule("rand_augment", {{"magnitude", 31}}) == "magnitude: must be below num_magnitude_bins");
  CHECK(test::user_error([] {
          test::single_transform("rand_augment", Json::object(), {224, 256, 4});
        }) == "needs images with 1 or 3 channels, but these have 4");
  CHECK(test::user_error([] {
          test::single_transform("augmix", {{"fill", {1, 2}}});
        }) == "fill: has 2 values, but the images have 3 channels; give one value, or 3");
}
