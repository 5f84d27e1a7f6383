#include <algorithm>

#include "data/image/decode_jpeg.h"
#include "data/image/resample.h"
#include "data/image/resize.h"
#include "data/images.h"

using namespace mlrun;
using namespace mlrun::data;

namespace {

using Sizes = std::vector<std::pair<std::int64_t, std::int64_t>>;

config::Component step_of(const Json& step) {
  return step.is_string() ? test::transform_component(step) : test::transform_component(step.at("name"), step);
}

/// Each transform's own `apply`, one after another, with the numbers that a Pipeline gives it.
torch::Tensor one_by_one(const std::vector<config::Component>& list, const TransformContext& context,
                         const torch::Tensor& image, const SampleKey& key) {
  torch::Tensor result = image;
  int place = 0;
  for (const auto& component : list) {
    for (const auto& transform : transforms().make(component, context)) {
      KeyedRandom random = key.random("transform " + std::to_string(place++));
      result = transform->apply(result, random);
    }
  }
  return result;
}

void check_fused(const Json& steps, const TransformContext& context, const torch::Tensor& image, int keys) {
  std::vector<config::Component> list;
  for (const auto& step : steps) list.push_back(step_of(step));
  TransformContext interleaved = context;
  interleaved.channels_last = true;
  const Pipeline line(list, context, "data.augment"), last(list, interleaved, "data.augment");
  for (int i = 0; i < keys; ++i) {
    INFO(steps.dump() << " of " << image.sizes() << ", key " << i);
    const SampleKey key{i, 3, 11};
    const torch::Tensor expected = one_by_one(list, context, image, key), result = line.apply(image, key);
    REQUIRE(result.is_contiguous());
    REQUIRE(torch::equal(result, expected));
    const torch::Tensor other = last.apply(image, key);
    REQUIRE(torch::equal(other, expected));
    REQUIRE(other.permute({1, 2, 0}).is_contiguous());
  }
}

const Sizes kSizes = {{480, 640}, {97, 61}, {33, 33}, {40, 300}, {260, 35}, {32, 36}};

}  // namespace

TEST_CASE("evaluation's transforms together give the bits of each alone", "[data]") {
  for (const char* interpolation : {"nearest", "bilinear", "bicubic"}) {
    const Json resize = {{"name", "resize"}, {"interpolation", interpolation}};
    const Json stretched = {{"name", "resize"}, {"size", {50, 41}}, {"interpolation", interpolation}};
    for (const auto& [height, width] : kSizes) {
      const auto image = test::formula_image("noise", height, width, 3);
      const TransformContext context{32, 37, 3};
      check_fused({resize, "center_crop", "normalize"}, context, image, 1);
      check_fused({stretched, "center_crop", "normalize"}, context, image, 1);
      check_fused({"center_crop", resize, "normalize"}, context, image, 1);  // some are padded
    }
  }
}

TEST_CASE("training's transforms together give the bits of each alone", "[data]") {
  const Json part = {{"name", "random_crop"}, {"size", {20, 15}}};
  const Json padded = {{"name", "random_crop"}, {"size", {40, 39}}, {"padding", {3}}, {"pad_if_needed", true}};
  for (const char* interpolation : {"nearest", "bilinear", "bicubic"}) {
    const Json crop = {{"name", "random_resized_crop"}, {"interpolation", interpolation}};
    for (const auto& [height, width] : kSizes) {
      const auto image = test::formula_image("noise", height, width, 3);
      const TransformContext context{32, 37, 3};
      check_fused({crop, "random_horizontal_flip", "random_vertical_flip", "normalize"}, context, image, 8);
      check_fused({"random_horizontal_flip", crop, part, "normalize"}, context, image, 4);
      check_fused({padded, "random_vertical_flip", "center_crop", "normalize"}, context, image, 4);
    }
  }
}

TEST_CASE("crops of mirrored crops, and steps that no window can say, between others", "[data]") {
  const Json half = {{"name", "random_crop"}, {"size", {20, 15}}}, less = {{"name", "random_crop"}, {"size", {9, 8}}};
  const Json grey = {{"name", "grayscale"}, {"num_output_channels", 3}};
  const auto image = test::formula_image("noise", 47, 58, 3);
  const TransformContext context{32, 37, 3};
  check_fused({"random_horizontal_flip", "random_vertical_flip", half, "random_horizontal_flip", less, "normalize"},
              context, image, 12);
  check_fused({"random_resized_crop", "random_horizontal_flip", half, "random_vertical_flip", less, "normalize"},
              context, image, 12);
  check_fused({"random_resized_crop", "random_horizontal_flip", grey, half, "random_vertical_flip", "normalize"},
              context, image, 12);
  check_fused({"resize", "random_resized_crop", "normalize"}, context, image, 6);
}

TEST_CASE("grey images and those of other channels are fused alike", "[data]") {
  const Json normalize = {{"name", "normalize"}, {"mean", {0.4}}, {"std", {0.3}}};
  for (const std::int64_t channels : {1, 2, 4}) {
    const auto image = test::formula_image("noise", 75, 52, channels);
    const TransformContext context{32, 37, channels};
    check_fused({"resize", "center_crop", normalize}, context, image, 1);
    check_fused({"random_resized_crop", "random_horizontal_flip", normalize}, context, image, 6);
  }
}

TEST_CASE("the loops of all instruction sets give the same bits", "[data]") {
  const auto& kernels = all_resample_kernels();
  REQUIRE(kernels.front().name == "plain");
  for (const std::int64_t from : {5, 31, 64, 333}) {
    for (const std::int64_t to : {1, 7, 32, 100}) {
      for (const auto mode : {Interpolation::Nearest, Interpolation::Bilinear, Interpolation::Bicubic}) {
        const Taps taps = make_taps(full_axis(from, to), mode);
        const auto along = test::formula_image("binary", 3, from, 3),
                   across = test::formula_image("binary", from, 43, 3);
        std::vector<std::vector<std::uint8_t>> results;
        for (const auto& kernel : kernels) {
          INFO(kernel.name << " " << from << " to " << to);
          const std::int64_t stride = to * 3 + kRowSlack, bytes = 43 * 3;
          std::vector<std::uint8_t> out(static_cast<std::size_t>(3 * stride + bytes + kRowSlack));
          kernel.along(view_of(along), 0, taps, out.data(), stride);
          std::vector<std::uint8_t> padded(static_cast<std::size_t>(across.numel() + kRowSlack));
          std::copy_n(across.data_ptr<std::uint8_t>(), across.numel(), padded.begin());
          ImageView view = view_of(across);
          view.pixels = padded.data();
          kernel.across(view, 0, taps, to / 2, out.data() + 3 * stride);
          for (int y = 0; y < 3; ++y) std::fill_n(out.begin() + (y + 1) * stride - kRowSlack, kRowSlack, 0);
          out.resize(static_cast<std::size_t>(3 * stride + bytes));
          results.push_back(std::move(out));
        }
        for (const auto& result : results) REQUIRE(result == results.front());
      }
    }
  }
}
