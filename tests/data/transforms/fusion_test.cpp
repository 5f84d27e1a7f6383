#include <algorithm>

#include <sys/mman.h>
#include <unistd.h>

#include "data/image/decode_jpeg.h"
#include "data/image/resample.h"
#include "data/image/resize.h"
#include "data/images.h"
#include "data/window_reader.h"

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
    for (const auto& transform : recipes::transforms().make(component, context)) {
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
  const Pipeline line(recipes::transforms(), list, context, "data.augment"),
      last(recipes::transforms(), list, interleaved, "data.augment");
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

/// Memory that ends where none may be read.
class GuardedBytes {
 public:
  explicit GuardedBytes(std::size_t size) : page_(static_cast<std::size_t>(::sysconf(_SC_PAGESIZE))) {
    mapped_ = (size + page_ - 1) / page_ * page_;
    base_ = static_cast<std::uint8_t*>(
        ::mmap(nullptr, mapped_ + page_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    REQUIRE(base_ != MAP_FAILED);
    REQUIRE(::mprotect(base_ + mapped_, page_, PROT_NONE) == 0);
    begin = base_ + mapped_ - size;
  }
  ~GuardedBytes() { ::munmap(base_, mapped_ + page_); }
  GuardedBytes(const GuardedBytes&) = delete;
  GuardedBytes& operator=(const GuardedBytes&) = delete;

  std::uint8_t* begin = nullptr;

 private:
  std::size_t page_, mapped_ = 0;
  std::uint8_t* base_ = nullptr;
};

/// Five rows resampled along themselves, then one row from across an image, as the loops leave them.
std::vector<std::uint8_t> both_ways(const ResampleKernels& kernel, const Taps& taps, std::int64_t from) {
  constexpr std::int64_t kRows = 5, kBytes = 43 * 3;
  const auto along = test::formula_image("binary", kRows, from, 3), across = test::formula_image("binary", from, 43, 3);
  const std::int64_t to = taps.size(), stride = to * 3 + kRowSlack;
  std::vector<std::uint8_t> out(static_cast<std::size_t>(kRows * stride + kBytes + kRowSlack));
  kernel.along(view_of(along), 0, taps, out.data(), stride);
  std::vector<std::uint8_t> padded(static_cast<std::size_t>(across.numel() + kRowSlack));
  std::copy_n(across.data_ptr<std::uint8_t>(), across.numel(), padded.begin());
  ImageView view = view_of(across);
  view.pixels = padded.data();
  kernel.across(view, 0, taps, to / 2, out.data() + kRows * stride);
  for (int y = 0; y < kRows; ++y) std::fill_n(out.begin() + (y + 1) * stride - kRowSlack, kRowSlack, 0);
  out.resize(static_cast<std::size_t>(kRows * stride + kBytes));
  return out;
}

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

TEST_CASE("a part that becomes as large as its image is not taken for the image", "[data]") {
  const Json grey = {{"name", "grayscale"}, {"num_output_channels", 3}};
  const auto image = test::formula_image("noise", 32, 32, 3);
  check_fused({"random_resized_crop", grey, "normalize"}, {32, 37, 3}, image, 12);
  check_fused({"random_resized_crop", "rand_augment", "random_horizontal_flip", "normalize"}, {32, 37, 3}, image, 12);
}

TEST_CASE("images with a margin of one value are fused", "[data]") {
  const Json padded = {{"name", "random_crop"}, {"size", {40, 39}}, {"padding", {3, 9}}, {"fill", {1, 50, 255}}};
  const Json smaller = {{"name", "random_crop"}, {"size", {36}}, {"pad_if_smaller", true}};
  for (const auto& [height, width] : kSizes) {
    const auto image = test::formula_image("noise", height, width, 3);
    check_fused({padded, "random_horizontal_flip", "normalize"}, {32, 37, 3}, image, 6);
    check_fused({"random_resized_crop", smaller, "random_vertical_flip", "center_crop", "normalize"}, {32, 37, 3},
                image, 6);
  }
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
  const auto mode = GENERATE(Interpolation::Nearest, Interpolation::Bilinear, Interpolation::Bicubic);
  const auto steps = GENERATE(WeightSteps::Pillow, WeightSteps::Coarse);
  for (const std::int64_t from : {5, 31, 64, 333}) {
    for (const std::int64_t to : {1, 7, 32, 100}) {
      const Taps taps = make_taps(full_axis(from, to), mode, steps);
      for (const auto& kernel : kernels) {
        INFO(kernel.name << " " << from << " to " << to);
        REQUIRE(both_ways(kernel, taps, from) == both_ways(kernels.front(), taps, from));
      }
    }
  }
}

TEST_CASE("the loops look at nothing behind an image and its slack", "[data]") {
  const auto mode = GENERATE(Interpolation::Nearest, Interpolation::Bilinear, Interpolation::Bicubic);
  for (const std::int64_t from : {1, 5, 16, 64, 333}) {
    for (const std::int64_t to : {1, 2, 7, 32, 100}) {
      for (const std::int64_t slack : {0, 5, 64}) {
        const Taps taps = make_taps(full_axis(from, to), mode);
        const std::int64_t rows = 3, stride = from * 3, size = rows * stride + slack;
        const GuardedBytes image(static_cast<std::size_t>(size));
        std::fill_n(image.begin, size, std::uint8_t{200});
        for (const auto& kernel : all_resample_kernels()) {
          INFO(kernel.name << " " << from << " to " << to << " with " << slack);
          std::vector<std::uint8_t> out(static_cast<std::size_t>(rows * (to * 3 + kRowSlack)));
          kernel.along({image.begin, rows, from, 3, stride, slack}, 0, taps, out.data(), to * 3 + kRowSlack);
          REQUIRE(out[static_cast<std::size_t>(to * 3 - 1)] == 200);
        }
      }
    }
  }
}

TEST_CASE("coarse weights are a level off at most, and leave even areas as they are", "[data]") {
  const auto resized = [](const torch::Tensor& image, std::int64_t to, WeightSteps steps) {
    Window window(image.size(0), image.size(1));
    CHECK(window.resize(to, to, Interpolation::Bilinear));
    WindowReader reader(window, 3, 1, steps);
    reader.take_all(view_of(image));
    return reader.bytes().to(torch::kInt32);
  };
  const auto noise = test::formula_image("noise", 90, 130, 3), even = torch::full({90, 130, 3}, 255, torch::kUInt8);
  for (const std::int64_t to : {7, 60, 89, 200}) {
    INFO(to);
    const auto difference = (resized(noise, to, WeightSteps::Coarse) - resized(noise, to, WeightSteps::Pillow)).abs();
    CHECK(difference.max().item<int>() <= 1);
    CHECK(difference.to(torch::kDouble).mean().item<double>() < 0.01);
    CHECK(resized(even, to, WeightSteps::Coarse).eq(255).all().item<bool>());
  }
}
