#include <algorithm>
#include <cmath>

#include "data/image/affine.h"

namespace mlrun::data {
namespace {

/// The pixel that a position falls into, and how far behind its centre it lies (0 to 1).
struct Place {
  std::int64_t pixel;
  double past;
};

Place place(double position) {
  position -= 0.5;
  const auto pixel = static_cast<std::int64_t>(position < 0 ? std::floor(position) : position);
  return {pixel, position - static_cast<double>(pixel)};
}

double between(double a, double b, double share) { return share == 0 ? a : a + (b - a) * share; }

/// The four neighbours are clipped at the border. A shear leaves positions at centres along one axis, where the
/// neighbour counts nothing.
template <int Channels>
void bilinear_pixel(const ImageView& image, const Place& x, const Place& y, std::uint8_t* out) {
  const std::int64_t left = std::max<std::int64_t>(x.pixel, 0), right = std::min(x.pixel + 1, image.width - 1);
  const std::int64_t top = std::max<std::int64_t>(y.pixel, 0), bottom = std::min(y.pixel + 1, image.height - 1);
  const std::uint8_t* above_left = image.row(top) + left * Channels;
  const std::uint8_t* above_right = image.row(top) + right * Channels;
  const std::uint8_t* below_left = image.row(bottom) + left * Channels;
  const std::uint8_t* below_right = image.row(bottom) + right * Channels;
  for (int c = 0; c < Channels; ++c) {
    double value = between(above_left[c], above_right[c], x.past);
    if (y.past != 0) value = between(value, between(below_left[c], below_right[c], x.past), y.past);
    out[c] = static_cast<std::uint8_t>(static_cast<int>(value));
  }
}

/// Pillow's cubic (a = -1), in its order of operations.
template <class Value>
double cubic_between(Value a, Value b, Value c, Value d, double share) {
  return b + share * (c - a + share * (2 * (a - b) + c - d + share * (b - a - c + d)));
}

/// Rows and columns are clipped at the border.
template <int Channels>
void bicubic_pixel(const ImageView& image, const Place& x, const Place& y, std::uint8_t* out) {
  std::int64_t columns[4];
  const std::uint8_t* rows[4];
  for (std::int64_t i = 0; i < 4; ++i) {
    columns[i] = std::clamp<std::int64_t>(x.pixel - 1 + i, 0, image.width - 1) * Channels;
    rows[i] = image.row(std::clamp<std::int64_t>(y.pixel - 1 + i, 0, image.height - 1));
  }
  const auto along = [&](const std::uint8_t* row) {  // integers until the shares come in: exact, and less to convert
    const int a = row[columns[0]], b = row[columns[1]], c = row[columns[2]], d = row[columns[3]];
    return cubic_between(a, b, c, d, x.past);
  };
  for (int c = 0; c < Channels; ++c) {
    double value = along(rows[1] + c);
    if (y.past != 0) value = cubic_between(along(rows[0] + c), value, along(rows[2] + c), along(rows[3] + c), y.past);
    out[c] = static_cast<std::uint8_t>(static_cast<int>(std::clamp(value, 0.0, 255.0)));
  }
}

template <int Channels, class Pixel>
void interpolate_rows(const ImageView& image, const AffineMatrix& m, const std::uint8_t* fill, std::uint8_t* out,
                      Pixel pixel) {
  const auto width = static_cast<double>(image.width), height = static_cast<double>(image.height);
  for (std::int64_t y = 0; y < image.height; ++y) {
    const double y_at = static_cast<double>(y) + 0.5;
    const double x_part = m[1] * y_at, y_part = m[4] * y_at;
    for (std::int64_t x = 0; x < image.width; ++x, out += Channels) {
      const double x_at = static_cast<double>(x) + 0.5;
      const double from_x = m[0] * x_at + x_part + m[2], from_y = m[3] * x_at + y_part + m[5];
      if (from_x < 0 || from_x >= width || from_y < 0 || from_y >= height) std::copy_n(fill, Channels, out);
      else pixel(image, place(from_x), place(from_y), out);
    }
  }
}

}  // namespace

void interpolate_affine(const ImageView& image, const AffineMatrix& matrix, Interpolation interpolation,
                        const std::uint8_t* fill, std::uint8_t* result) {
  const bool colour = image.channels == 3, cubic = interpolation == Interpolation::Bicubic;
  if (cubic && colour) interpolate_rows<3>(image, matrix, fill, result, bicubic_pixel<3>);
  else if (cubic) interpolate_rows<1>(image, matrix, fill, result, bicubic_pixel<1>);
  else if (colour) interpolate_rows<3>(image, matrix, fill, result, bilinear_pixel<3>);
  else interpolate_rows<1>(image, matrix, fill, result, bilinear_pixel<1>);
}

}  // namespace mlrun::data
