#include "nn/sized_windows.h"

#include <torch/types.h>
#include <torch/utils.h>

#include "nn/layers.h"
#include "support.h"

using namespace mlrun;

namespace {

/// 1, 2, 3, ... as an image.
torch::Tensor counted(int64_t height, int64_t width) {
  return torch::arange(1, height * width + 1, torch::kFloat).view({1, 1, height, width});
}

}  // namespace

TEST_CASE("padding as TensorFlow's puts the odd pixel behind", "[nn]") {
  // Of 4 pixels with a window of 3 and stride 2: windows begin at 0 and 2, and the last hangs over by one.
  CHECK(torch::equal(nn::SamePad2d(3, 2).forward(counted(4, 4)), at::constant_pad_nd(counted(4, 4), {0, 1, 0, 1})));
  // Of 5: windows begin at -1, 1 and 3.
  CHECK(torch::equal(nn::SamePad2d(3, 2).forward(counted(5, 5)), at::constant_pad_nd(counted(5, 5), {1, 1, 1, 1})));
  CHECK(torch::equal(nn::SamePad2d(5, 2).forward(counted(4, 5)), at::constant_pad_nd(counted(4, 5), {2, 2, 1, 2})));
  CHECK(torch::equal(nn::SamePad2d(1, 2).forward(counted(3, 4)), counted(3, 4)));
  for (const int64_t kernel : {1, 3, 5, 7}) {
    for (const int64_t stride : {1, 2, 3}) {
      for (const auto& [height, width] : {std::pair<int64_t, int64_t>{1, 8}, {7, 9}, {10, 16}}) {
        INFO(kernel << " " << stride << " " << height << " " << width);
        const auto padded = nn::SamePad2d(kernel, stride).forward(torch::empty({2, 3, height, width}, torch::kMeta));
        CHECK((padded.size(2) - kernel) / stride + 1 == (height + stride - 1) / stride);
        CHECK((padded.size(3) - kernel) / stride + 1 == (width + stride - 1) / stride);
      }
    }
  }
}

TEST_CASE("means in bins are the same windows whatever the size", "[nn]") {
  const auto even = counted(4, 6);
  CHECK(torch::equal(nn::BinPool2d(2).forward(even), torch::adaptive_avg_pool2d(even, {2, 2})));
  // 5 rows in 2 bins: windows of 3 rows, two apart; 7 columns in 2: of 4 columns, three apart.
  const auto uneven = counted(5, 7);
  const auto means = nn::BinPool2d(2).forward(uneven);
  REQUIRE(means.sizes() == torch::IntArrayRef({1, 1, 2, 2}));
  for (int64_t row = 0; row < 2; ++row) {
    for (int64_t column = 0; column < 2; ++column) {
      const auto window = uneven.narrow(2, 2 * row, 3).narrow(3, 3 * column, 4);
      CHECK(means[0][0][row][column].item<float>() == Approx(window.mean().item<float>()));
    }
  }
  for (const int64_t size : {4, 5, 6, 7, 9, 11, 31}) {
    CHECK(nn::BinPool2d(4).forward(counted(size, size + 1)).sizes() == torch::IntArrayRef({1, 1, 4, 4}));
  }
}

TEST_CASE("fewer pixels than bins are refused in plain words", "[nn]") {
  CHECK(
      test::user_error([] { nn::BinPool2d(4).forward(counted(3, 8)); }) ==
      "the images are too small for this model: 3x8 pixels are left of them at BinPool2d; bring them to a larger size "
      "in data.augment and data.preprocess");
}
