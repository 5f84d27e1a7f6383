#include <algorithm>
#include <vector>

#include "base/error.h"
#include "data/image/bytes.h"
#include "data/image/ops.h"

namespace mlrun::data {
namespace {

/// Float32 operations in Pillow's order. Clipping after the truncation is the same as before it, and integers are what
/// the compiler vectorises; a million already clips whatever differs, and keeps the integers in range.
struct Blend {
  float weight;

  explicit Blend(double factor) : weight(std::clamp(static_cast<float>(factor), -1e6F, 1e6F)) {}
  std::uint8_t operator()(std::uint8_t a, std::uint8_t b) const {
    const float value = static_cast<float>(a) + weight * static_cast<float>(static_cast<int>(b) - static_cast<int>(a));
    return static_cast<std::uint8_t>(std::clamp(static_cast<int>(value), 0, 255));
  }
};

/// The image blended with one value everywhere.
torch::Tensor blend_with(std::uint8_t constant, const torch::Tensor& image, double weight) {
  const Blend blend(weight);
  ByteTable table;
  for (std::size_t value = 0; value < table.size(); ++value) {
    table[value] = blend(constant, static_cast<std::uint8_t>(value));
  }
  return look_up(image, table);
}

/// Half up, as Pillow's ImageEnhance rounds it.
std::uint8_t mean_luma(const ImageView& view) {
  const std::uint8_t* const end = view.row(view.height);
  std::int64_t sum = 0;
  if (view.channels == 1) {
    for (const std::uint8_t* pixel = view.pixels; pixel < end; ++pixel) sum += *pixel;
  } else {
    for (const std::uint8_t* pixel = view.pixels; pixel < end; pixel += 3) sum += luma(pixel);
  }
  const double mean = static_cast<double>(sum) / static_cast<double>(view.height * view.width);
  return static_cast<std::uint8_t>(mean + 0.5);
}

/// A row in grey, each luma three times.
void grey_row(const std::uint8_t* in, std::int64_t width, std::uint8_t* out) {
  for (std::int64_t x = 0; x < width; ++x, in += 3, out += 3) out[0] = out[1] = out[2] = luma(in);
}

/// `size` smoothed bytes from rows that have a pixel (`step` bytes) before and after them. Pillow sums with float
/// weights 1/13 and 5/13; the exact quotients are at least 1/26 away from where its rounding changes, so integers give
/// the same. The product with 5042/65536 is the division by 13 for all sums there are.
void smooth_row(const std::uint8_t* __restrict above, const std::uint8_t* __restrict middle,
                const std::uint8_t* __restrict below, std::int64_t size, std::int64_t step,
                std::uint8_t* __restrict out) {
  constexpr std::int64_t kBlock = 32;
  const auto smoothed = [=](std::int64_t i) {
    const int sum = above[i - step] + above[i] + above[i + step] + middle[i - step] + 5 * middle[i] + middle[i + step] +
                    below[i - step] + below[i] + below[i + step];
    const auto rounded = static_cast<std::uint16_t>(sum + 6);
    return static_cast<std::uint8_t>((static_cast<std::uint32_t>(rounded) * 5042U) >> 16);
  };
  std::int64_t i = 0;
  for (; i + kBlock <= size; i += kBlock) {
    for (std::int64_t k = i; k < i + kBlock; ++k) out[k] = smoothed(k);
  }
  for (; i < size; ++i) out[i] = smoothed(i);
}

}  // namespace

torch::Tensor blend(const torch::Tensor& a, const torch::Tensor& b, double weight) {
  MLRUN_ASSERT(a.sizes() == b.sizes(), "images to blend must be of one size");
  const ImageView first = view_of(a), second = view_of(b);
  auto result = torch::empty_like(a);
  map_bytes(first.pixels, second.pixels, result.numel(), result.data_ptr<std::uint8_t>(), Blend(weight));
  return result;
}

torch::Tensor adjust_brightness(const torch::Tensor& image, double factor) { return blend_with(0, image, factor); }

torch::Tensor adjust_contrast(const torch::Tensor& image, double factor) {
  return blend_with(mean_luma(rgb_or_grey(image)), image, factor);
}

torch::Tensor adjust_saturation(const torch::Tensor& image, double factor) {
  const ImageView view = rgb_or_grey(image);
  if (view.channels == 1) return image;
  auto result = empty_like(view);
  auto* out = result.data_ptr<std::uint8_t>();
  std::vector<std::uint8_t> grey(static_cast<std::size_t>(view.stride));
  const Blend blend(factor);
  for (std::int64_t y = 0; y < view.height; ++y, out += view.stride) {
    grey_row(view.row(y), view.width, grey.data());
    map_bytes(grey.data(), view.row(y), view.stride, out, blend);
  }
  return result;
}

torch::Tensor smooth(const torch::Tensor& image) {
  const ImageView view = rgb_or_grey(image);
  if (view.height < 3 || view.width < 3) return image;  // the kernel does not fit
  auto result = image.clone();
  auto* out = result.data_ptr<std::uint8_t>() + view.stride + view.channels;
  const std::int64_t step = view.channels;
  for (std::int64_t y = 1; y < view.height - 1; ++y, out += view.stride) {
    const std::uint8_t* middle = view.row(y) + step;
    smooth_row(middle - view.stride, middle, middle + view.stride, view.stride - 2 * step, step, out);
  }
  return result;
}

torch::Tensor adjust_sharpness(const torch::Tensor& image, double factor) {
  const ImageView view = rgb_or_grey(image);
  if (view.height < 3 || view.width < 3) return image;  // smoothing changes nothing
  auto result = image.clone();
  auto* out = result.data_ptr<std::uint8_t>() + view.stride + view.channels;
  const std::int64_t step = view.channels, size = view.stride - 2 * step;
  std::vector<std::uint8_t> smooth(static_cast<std::size_t>(size));
  const Blend blend(factor);
  for (std::int64_t y = 1; y < view.height - 1; ++y, out += view.stride) {
    const std::uint8_t* middle = view.row(y) + step;
    smooth_row(middle - view.stride, middle, middle + view.stride, size, step, smooth.data());
    map_bytes(smooth.data(), middle, size, out, blend);
  }
  return result;
}

}  // namespace mlrun::data
