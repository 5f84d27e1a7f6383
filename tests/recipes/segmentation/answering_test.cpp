#include "recipes/segmentation/answering.h"

#include <cmath>

#include <torch/types.h>
#include <torch/utils.h>

#include "engine/train/training.h"

using namespace mlrun;
using segmentation::AnswerSettings;
using segmentation::Views;

namespace {

torch::Tensor random_images(std::int64_t height, std::int64_t width) {
  torch::manual_seed(4);
  return torch::randn({2, 3, height, width}, torch::kDouble);
}

/// Says of each pixel something that depends on the window's size and its place in it.
torch::Tensor positions(const torch::Tensor& images) {
  const auto rows = torch::arange(images.size(2), images.options()).view({1, 1, -1, 1});
  const auto columns = torch::arange(images.size(3), images.options()).view({1, 1, 1, -1});
  return images * 0.1 + rows * 0.5 + columns;
}

/// mmsegmentation's mode `slide`, by its own arithmetic.
torch::Tensor slid(const torch::Tensor& images, std::int64_t crop, std::int64_t stride) {
  const std::int64_t height = images.size(2), width = images.size(3);
  const auto grids = [&](std::int64_t side) {
    return std::max<std::int64_t>(side - crop + stride - 1, 0) / stride + 1;
  };
  auto sum = torch::zeros_like(images), count = torch::zeros_like(images);
  for (std::int64_t i = 0; i < grids(height); ++i) {
    for (std::int64_t k = 0; k < grids(width); ++k) {
      const std::int64_t bottom = std::min(i * stride + crop, height), right = std::min(k * stride + crop, width);
      const std::int64_t top = std::max<std::int64_t>(bottom - crop, 0), left = std::max<std::int64_t>(right - crop, 0);
      const auto part = [&](const torch::Tensor& all) { return all.slice(2, top, bottom).slice(3, left, right); };
      part(sum) += positions(part(images));
      part(count) += 1;
    }
  }
  return sum / count;
}

}  // namespace

TEST_CASE("windows are averaged as mmsegmentation's", "[recipes][segmentation]") {
  for (const auto& [height, width] : {std::pair<std::int64_t, std::int64_t>{10, 11}, {4, 19}, {3, 2}, {16, 8}}) {
    for (const auto& [window, stride] : {std::pair<std::int64_t, std::int64_t>{4, 3}, {4, 4}, {5, 1}, {64, 32}}) {
      INFO(height << " x " << width << " by " << window << ", " << stride);
      AnswerSettings settings;
      settings.window = window;
      settings.stride = stride;
      const auto images = random_images(height, width);
      CHECK(Views(settings, positions, images).all().allclose(slid(images, window, stride), 1e-12, 1e-12));
    }
  }
  AnswerSettings thirds;
  thirds.window = 6;
  const auto images = random_images(10, 15);
  CHECK(Views(thirds, positions, images).all().allclose(slid(images, 6, 4), 1e-12, 1e-12));
}

TEST_CASE("of a mirrored image too, the probabilities are averaged", "[recipes][segmentation]") {
  const auto images = random_images(6, 7);
  AnswerSettings settings;
  settings.flip = true;
  const auto direct = positions(images).softmax(1), mirrored = positions(images.flip(3)).flip(3).softmax(1);
  const auto found = Views(settings, positions, images).all();
  CHECK(found.exp().allclose((direct + mirrored) / 2, 1e-12, 1e-12));
  const auto symmetric = Views(
                             settings, [](const torch::Tensor& x) { return x * 2; }, images)
                             .all();
  CHECK(symmetric.allclose((images * 2).log_softmax(1), 1e-12, 1e-12));
}

TEST_CASE("each view is resized before its probabilities count", "[recipes][segmentation]") {
  const auto images = random_images(6, 8);
  AnswerSettings settings;
  settings.flip = true;
  const auto resized = [](const torch::Tensor& logits) { return at::upsample_bilinear2d(logits, {13, 5}, false); };
  const auto direct = resized(positions(images)).softmax(1);
  const auto mirrored = resized(positions(images.flip(3))).flip(3).softmax(1);
  const auto found = Views(settings, positions, images).of(1, {13, 5});
  REQUIRE(found.sizes() == torch::IntArrayRef({3, 13, 5}));
  CHECK(found.exp().allclose(((direct + mirrored) / 2)[1], 1e-9, 1e-9));
}

TEST_CASE("settings of answering that do not fit together are told", "[recipes][segmentation]") {
  const auto refused = [](const std::string& answer) {
    return test::user_error([&] {
      test::resolve_text("task: {name: segmentation, answer: " + answer +
                         "}\nmodel: unet\ndata: {format: synthetic_shapes}\noptimizer: sgd\n");
    });
  };
  CHECK(refused("{stride: 3}").find("task.answer.stride: is how far windows are apart, and window is null") !=
        std::string::npos);
  CHECK(refused("{window: 2, stride: 3}").find("is larger than window, so that pixels would be left out") !=
        std::string::npos);
  CHECK(refused("{size: mask}").find("task.answer.size") != std::string::npos);
}
