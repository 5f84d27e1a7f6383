#include <algorithm>
#include <array>
#include <cmath>

#include "data/image/bytes.h"
#include "data/image/ops.h"

namespace mlrun::data {
namespace {

struct Hsv {
  std::uint8_t hue = 0, saturation = 0, value = 0;
};

/// Pillow's conversion, after Python's colorsys: quotients in float32, sums with constants in double.
Hsv to_hsv(const std::uint8_t* rgb) {
  const int r = rgb[0], g = rgb[1], b = rgb[2];
  const int most = std::max({r, g, b}), least = std::min({r, g, b});
  if (most == least) return {0, 0, rgb[0]};
  const auto range = static_cast<float>(most - least);
  const float saturation = range / static_cast<float>(most);
  const float red = static_cast<float>(most - r) / range;
  const float green = static_cast<float>(most - g) / range;
  const float blue = static_cast<float>(most - b) / range;
  float sixths;
  if (r == most) sixths = blue - green;
  else if (g == most) sixths = static_cast<float>(2.0 + red - blue);
  else sixths = static_cast<float>(4.0 + green - red);
  double turn = sixths / 6.0 + 1.0;  // 0.83 to 1.84
  if (turn >= 1.0) turn -= 1.0;
  const auto hue = static_cast<int>(static_cast<float>(turn) * 255.0);
  return {static_cast<std::uint8_t>(hue), static_cast<std::uint8_t>(static_cast<int>(saturation * 255.0)),
          static_cast<std::uint8_t>(most)};
}

/// What the way back needs of each hue and of each saturation.
struct HsvTables {
  std::array<float, 256> fraction, share;
  std::array<std::uint8_t, 256> sector;

  HsvTables() {
    for (std::size_t i = 0; i < 256; ++i) {
      const double sixths = static_cast<double>(i) * 6.0 / 255.0;
      const double whole = std::floor(sixths);
      fraction[i] = static_cast<float>(sixths - whole);
      sector[i] = static_cast<std::uint8_t>(static_cast<int>(whole) % 6);
      share[i] = static_cast<float>(static_cast<double>(i) / 255.0);
    }
  }
};

std::uint8_t rounded_byte(double value) { return static_cast<std::uint8_t>(static_cast<int>(value + 0.5)); }

void to_rgb(const Hsv& hsv, const HsvTables& tables, std::uint8_t* out) {
  const std::uint8_t v = hsv.value;
  if (hsv.saturation == 0) {
    out[0] = out[1] = out[2] = v;
    return;
  }
  const float share = tables.share[hsv.saturation], fraction = tables.fraction[hsv.hue];
  const auto p = rounded_byte(v * (1.0 - share));
  const auto q = rounded_byte(v * (1.0 - share * fraction));
  const auto t = rounded_byte(v * (1.0 - share * (1.0 - fraction)));
  const std::array<std::array<std::uint8_t, 3>, 6> sectors = {
      {{v, t, p}, {q, v, p}, {p, v, t}, {p, q, v}, {t, p, v}, {v, p, q}}};
  std::copy_n(sectors[tables.sector[hsv.hue]].begin(), 3, out);
}

}  // namespace

torch::Tensor adjust_hue(const torch::Tensor& image, double factor) {
  static const HsvTables tables;
  const ImageView view = rgb_or_grey(image);
  if (view.channels == 1) return image;
  const auto shift = static_cast<std::uint8_t>(static_cast<int>(factor * 255));
  auto result = empty_like(view);
  auto* out = result.data_ptr<std::uint8_t>();
  const std::uint8_t* const end = view.row(view.height);
  for (const std::uint8_t* pixel = view.pixels; pixel < end; pixel += 3, out += 3) {
    Hsv hsv = to_hsv(pixel);
    hsv.hue = static_cast<std::uint8_t>(hsv.hue + shift);
    to_rgb(hsv, tables, out);
  }
  return result;
}

}  // namespace mlrun::data
