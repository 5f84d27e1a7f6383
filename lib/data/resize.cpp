#include "data/resize.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.h"

namespace mlrun::data {
namespace {

// Two bits of headroom for the overshoot of bicubic weights, eight for the pixel.
constexpr int kPrecision = 32 - 8 - 2;
constexpr std::int32_t kHalf = 1 << (kPrecision - 1);

std::uint8_t clip(std::int32_t sum) { return static_cast<std::uint8_t>(std::clamp(sum >> kPrecision, 0, 255)); }

double triangle(double x) {
  x = std::abs(x);
  return x < 1 ? 1 - x : 0;
}

double cubic(double x) {  // Keys' kernel with a = -0.5
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

/// For each output position the run of input positions it reads, and their weights.
struct Taps {
  std::vector<std::int64_t> first;
  std::vector<std::int64_t> count;
  std::vector<std::int32_t> weights;  ///< `most` for each output position
  std::int64_t most = 0;

  const std::int32_t* weights_of(std::int64_t position) const { return weights.data() + position * most; }
};

std::int32_t fixed_point(double weight) {
  const double scaled = weight * (1 << kPrecision);
  return static_cast<std::int32_t>(weight < 0 ? scaled - 0.5 : scaled + 0.5);
}

Taps make_taps(std::int64_t from, std::int64_t to, Interpolation interpolation) {
  const bool bicubic = interpolation == Interpolation::Bicubic;
  const auto kernel = bicubic ? cubic : triangle;
  const double scale = static_cast<double>(from) / static_cast<double>(to);
  const double stretch = std::max(scale, 1.0);  // the kernel grows with the reduction: antialiasing
  const double support = (bicubic ? 2.0 : 1.0) * stretch;
  const double shrink = 1.0 / stretch;
  Taps taps;
  taps.most = static_cast<std::int64_t>(std::ceil(support)) * 2 + 1;
  taps.weights.assign(static_cast<std::size_t>(to * taps.most), 0);
  std::vector<double> exact(static_cast<std::size_t>(taps.most));
  for (std::int64_t i = 0; i < to; ++i) {
    const double center = (static_cast<double>(i) + 0.5) * scale;
    const auto first = std::max<std::int64_t>(static_cast<std::int64_t>(center - support + 0.5), 0);
    const auto count = std::min(static_cast<std::int64_t>(center + support + 0.5), from) - first;
    double sum = 0;
    for (std::int64_t k = 0; k < count; ++k) {
      exact[k] = kernel((static_cast<double>(k + first) - center + 0.5) * shrink);
      sum += exact[k];
    }
    for (std::int64_t k = 0; k < count; ++k) {
      taps.weights[i * taps.most + k] = fixed_point(sum != 0 ? exact[k] / sum : exact[k]);
    }
    taps.first.push_back(first);
    taps.count.push_back(count);
  }
  return taps;
}

/// One output row; `Channels` 0 means any number.
template <int Channels>
void resample_row(const std::uint8_t* in, const Taps& taps, std::int64_t any_channels, std::uint8_t* out) {
  const std::int64_t channels = Channels > 0 ? Channels : any_channels;
  for (std::size_t x = 0; x < taps.first.size(); ++x) {
    const std::int32_t* weights = taps.weights_of(static_cast<std::int64_t>(x));
    const std::uint8_t* pixel = in + taps.first[x] * channels;
    const std::int64_t count = taps.count[x];
    if constexpr (Channels == 3) {
      std::int32_t r = kHalf, g = kHalf, b = kHalf;
      for (std::int64_t k = 0; k < count; ++k, pixel += 3) {
        r += pixel[0] * weights[k];
        g += pixel[1] * weights[k];
        b += pixel[2] * weights[k];
      }
      out[0] = clip(r), out[1] = clip(g), out[2] = clip(b);
      out += 3;
    } else {
      for (std::int64_t c = 0; c < channels; ++c) {
        std::int32_t sum = kHalf;
        for (std::int64_t k = 0; k < count; ++k) sum += pixel[k * channels + c] * weights[k];
        *out++ = clip(sum);
      }
    }
  }
}

torch::Tensor empty_image(std::int64_t height, std::int64_t width, std::int64_t channels) {
  return torch::empty({height, width, channels}, torch::kUInt8);
}

torch::Tensor resample_rows(const ImageView& view, std::int64_t width, Interpolation interpolation) {
  const Taps taps = make_taps(view.width, width, interpolation);
  auto result = empty_image(view.height, width, view.channels);
  auto* out = result.data_ptr<std::uint8_t>();
  const auto one_row = view.channels == 3 ? resample_row<3> : view.channels == 1 ? resample_row<1> : resample_row<0>;
  for (std::int64_t y = 0; y < view.height; ++y, out += width * view.channels) {
    one_row(view.row(y), taps, view.channels, out);
  }
  return result;
}

/// `Size` neighbouring bytes of one output row; a constant so that the compiler can vectorise.
template <int Size>
void resample_block(const std::uint8_t* in, std::int64_t stride, const std::int32_t* weights, std::int64_t count,
                    std::uint8_t* out) {
  std::int32_t sums[Size];
  for (int i = 0; i < Size; ++i) sums[i] = kHalf;
  for (std::int64_t k = 0; k < count; ++k, in += stride) {
    for (int i = 0; i < Size; ++i) sums[i] += in[i] * weights[k];
  }
  for (int i = 0; i < Size; ++i) out[i] = clip(sums[i]);
}

torch::Tensor resample_columns(const ImageView& view, std::int64_t height, Interpolation interpolation) {
  constexpr int kBlock = 32;
  const Taps taps = make_taps(view.height, height, interpolation);
  auto result = empty_image(height, view.width, view.channels);
  auto* out = result.data_ptr<std::uint8_t>();
  const std::int64_t bytes = view.width * view.channels;
  for (std::int64_t y = 0; y < height; ++y, out += bytes) {
    const std::uint8_t* in = view.row(taps.first[y]);
    const std::int32_t* weights = taps.weights_of(y);
    std::int64_t i = 0;
    for (; i + kBlock <= bytes; i += kBlock) {
      resample_block<kBlock>(in + i, view.stride, weights, taps.count[y], out + i);
    }
    for (; i < bytes; ++i) resample_block<1>(in + i, view.stride, weights, taps.count[y], out + i);
  }
  return result;
}

/// Positions by repeated addition, as Pillow finds them: a product would round differently.
std::vector<std::int64_t> nearest_positions(std::int64_t from, std::int64_t to) {
  const double step = static_cast<double>(from) / static_cast<double>(to);
  std::vector<std::int64_t> positions;
  double at = step * 0.5;
  for (std::int64_t i = 0; i < to; ++i, at += step) {
    positions.push_back(std::min(static_cast<std::int64_t>(at), from - 1));
  }
  return positions;
}

torch::Tensor resize_nearest(const ImageView& view, std::int64_t height, std::int64_t width) {
  const auto rows = nearest_positions(view.height, height);
  const auto columns = nearest_positions(view.width, width);
  auto result = empty_image(height, width, view.channels);
  auto* out = result.data_ptr<std::uint8_t>();
  for (const auto y : rows) {
    const std::uint8_t* in = view.row(y);
    for (const auto x : columns) out = std::copy_n(in + x * view.channels, view.channels, out);
  }
  return result;
}

}  // namespace

const std::vector<std::string>& interpolation_names() {
  static const std::vector<std::string> names = {"nearest", "bilinear", "bicubic"};
  return names;
}

Interpolation interpolation_of(const std::string& name) {
  const auto& names = interpolation_names();
  const auto found = std::find(names.begin(), names.end(), name);
  MLRUN_ASSERT(found != names.end(), "unknown interpolation " + name);
  return static_cast<Interpolation>(found - names.begin());
}

ImageView view_of(const torch::Tensor& image) {
  MLRUN_ASSERT(image.dim() == 3 && image.scalar_type() == torch::kUInt8 && image.is_contiguous(),
               "an image must be contiguous uint8 [H, W, C]");
  return {image.data_ptr<std::uint8_t>(), image.size(0), image.size(1), image.size(2), image.size(1) * image.size(2)};
}

ImageView crop(const ImageView& view, std::int64_t top, std::int64_t left, std::int64_t height, std::int64_t width) {
  MLRUN_ASSERT(
      top >= 0 && left >= 0 && height > 0 && width > 0 && top + height <= view.height && left + width <= view.width,
      "a crop must lie inside its image");
  return {view.row(top) + left * view.channels, height, width, view.channels, view.stride};
}

torch::Tensor to_tensor(const ImageView& view) {
  auto result = empty_image(view.height, view.width, view.channels);
  auto* out = result.data_ptr<std::uint8_t>();
  const auto bytes = static_cast<std::size_t>(view.width * view.channels);
  for (std::int64_t y = 0; y < view.height; ++y) std::memcpy(out + y * bytes, view.row(y), bytes);
  return result;
}

torch::Tensor resize(const ImageView& view, std::int64_t height, std::int64_t width, Interpolation interpolation) {
  MLRUN_ASSERT(height > 0 && width > 0 && view.height > 0 && view.width > 0, "an image must have pixels");
  if (height == view.height && width == view.width) return to_tensor(view);
  if (interpolation == Interpolation::Nearest) return resize_nearest(view, height, width);
  if (width == view.width) return resample_columns(view, height, interpolation);
  const auto rows = resample_rows(view, width, interpolation);
  return height == view.height ? rows : resample_columns(view_of(rows), height, interpolation);
}

}  // namespace mlrun::data
