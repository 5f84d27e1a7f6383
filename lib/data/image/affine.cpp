#include "data/image/affine.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <optional>

#include "base/error.h"
#include "data/image/bytes.h"

namespace mlrun::data {
namespace {

constexpr double kDegree = 3.14159265358979323846 / 180.0;

/// The fill of a whole row, as the channels lie in it.
std::vector<std::uint8_t> fill_row(const Fill& fill, const ImageView& view) {
  MLRUN_ASSERT(fill.size() == 1 || static_cast<std::int64_t>(fill.size()) == view.channels,
               "a fill must have one value, or one for each channel");
  std::vector<std::uint8_t> row(static_cast<std::size_t>(view.stride));
  for (std::size_t i = 0; i < row.size(); ++i) row[i] = fill[i % static_cast<std::size_t>(view.channels) % fill.size()];
  return row;
}

/// -1 for what lies before the image.
std::int64_t cell(double position) { return position < 0 ? -1 : static_cast<std::int64_t>(position); }

std::int64_t floor_divided(std::int64_t a, std::int64_t b) {
  return a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0);
}

/// Positions `begin` to `end` of a row.
struct Stretch {
  std::int64_t begin = 0, end = 0;
};

/// The x of 0..width-1 with 0 <= start + x * step < limit.
Stretch inside(std::int64_t start, std::int64_t step, std::int64_t limit, std::int64_t width) {
  if (step == 0) return start >= 0 && start < limit ? Stretch{0, width} : Stretch{};
  std::int64_t begin, end;
  if (step > 0) {
    begin = -floor_divided(start, step);
    end = -floor_divided(start - limit, step);
  } else {
    begin = floor_divided(start - limit, -step) + 1;
    end = floor_divided(start, -step) + 1;
  }
  begin = std::clamp<std::int64_t>(begin, 0, width);
  return {begin, std::clamp<std::int64_t>(end, begin, width)};
}

/// Rows and columns moved apart from each other (no rotation, no shear): Pillow adds the steps up.
void scale_nearest(const ImageView& view, const AffineMatrix& m, std::uint8_t* out) {
  std::vector<std::int64_t> columns(static_cast<std::size_t>(view.width));
  double x_at = m[2] + m[0] * 0.5, y_at = m[5] + m[4] * 0.5;
  for (auto& column : columns) column = cell(x_at), x_at += m[0];
  for (std::int64_t y = 0; y < view.height; ++y, y_at += m[4], out += view.stride) {
    const std::int64_t from = cell(y_at);
    if (from < 0 || from >= view.height) continue;
    std::uint8_t* pixel = out;
    for (const std::int64_t column : columns) {
      if (column >= 0 && column < view.width) {
        std::copy_n(view.row(from) + column * view.channels, view.channels, pixel);
      }
      pixel += view.channels;
    }
  }
}

std::int64_t fixed16(double value) { return static_cast<std::int64_t>(std::floor(value * 65536.0 + 0.5)); }

/// True where 16 bits before the point are enough in all corners.
bool fits_fixed_point(const ImageView& view, const AffineMatrix& m) {
  for (const std::int64_t x : {std::int64_t{0}, view.width}) {
    for (const std::int64_t y : {std::int64_t{0}, view.height}) {
      const auto dx = static_cast<double>(x), dy = static_cast<double>(y);
      if (std::abs(dx * m[0] + dy * m[1] + m[2]) >= 32768.0) return false;
      if (std::abs(dx * m[3] + dy * m[4] + m[5]) >= 32768.0) return false;
    }
  }
  return true;
}

template <int Channels>
void fixed_nearest(const ImageView& view, const AffineMatrix& m, std::uint8_t* out) {
  const std::int64_t x_step = fixed16(m[0]), y_step = fixed16(m[3]);
  std::int64_t x_start = fixed16(m[2] + m[0] * 0.5 + m[1] * 0.5);
  std::int64_t y_start = fixed16(m[5] + m[3] * 0.5 + m[4] * 0.5);
  const std::int64_t x_down = fixed16(m[1]), y_down = fixed16(m[4]);
  for (std::int64_t y = 0; y < view.height; ++y, x_start += x_down, y_start += y_down, out += view.stride) {
    const Stretch across = inside(x_start, x_step, view.width << 16, view.width);
    const Stretch down = inside(y_start, y_step, view.height << 16, view.width);
    const std::int64_t begin = std::max(across.begin, down.begin), end = std::min(across.end, down.end);
    std::int64_t x_at = x_start + begin * x_step, y_at = y_start + begin * y_step;
    std::uint8_t* pixel = out + begin * Channels;
    for (std::int64_t x = begin; x < end; ++x, x_at += x_step, y_at += y_step, pixel += Channels) {
      std::memcpy(pixel, view.row(y_at >> 16) + (x_at >> 16) * Channels, Channels);
    }
  }
}

/// Where fixed point would overflow.
void exact_nearest(const ImageView& view, const AffineMatrix& m, std::uint8_t* out) {
  double x_start = m[2] + m[1] * 0.5 + m[0] * 0.5, y_start = m[5] + m[4] * 0.5 + m[3] * 0.5;
  for (std::int64_t y = 0; y < view.height; ++y, x_start += m[1], y_start += m[4]) {
    double x_at = x_start, y_at = y_start;
    for (std::int64_t x = 0; x < view.width; ++x, x_at += m[0], y_at += m[3], out += view.channels) {
      const std::int64_t column = cell(x_at), row = cell(y_at);
      if (column < 0 || column >= view.width || row < 0 || row >= view.height) continue;
      std::copy_n(view.row(row) + column * view.channels, view.channels, out);
    }
  }
}

void nearest_inside(const ImageView& view, const AffineMatrix& m, std::uint8_t* out) {
  if (m[1] == 0 && m[3] == 0) return scale_nearest(view, m, out);
  if (!fits_fixed_point(view, m)) return exact_nearest(view, m, out);
  switch (view.channels) {
    case 1: return fixed_nearest<1>(view, m, out);
    case 2: return fixed_nearest<2>(view, m, out);
    case 3: return fixed_nearest<3>(view, m, out);
    case 4: return fixed_nearest<4>(view, m, out);
    case 8: return fixed_nearest<8>(view, m, out);
    default: return exact_nearest(view, m, out);
  }
}

struct Offset {
  std::int64_t x = 0, y = 0;
};

/// What `m` moves the image by, where it does nothing else and that is whole pixels.
std::optional<Offset> whole_offset(const ImageView& view, const AffineMatrix& m) {
  if (m[0] != 1 || m[1] != 0 || m[3] != 0 || m[4] != 1) return std::nullopt;
  const auto width = static_cast<double>(view.width), height = static_cast<double>(view.height);
  const double x = std::clamp(m[2], -width, width), y = std::clamp(m[5], -height, height);
  if (x != std::trunc(x) || y != std::trunc(y)) return std::nullopt;
  return Offset{static_cast<std::int64_t>(x), static_cast<std::int64_t>(y)};
}

void shift(const ImageView& view, const Offset& offset, std::uint8_t* out) {
  const Stretch columns = inside(offset.x, 1, view.width, view.width);
  const Stretch rows = inside(offset.y, 1, view.height, view.height);
  if (columns.begin == columns.end) return;
  const std::int64_t bytes = (columns.end - columns.begin) * view.channels;
  for (std::int64_t y = rows.begin; y < rows.end; ++y) {
    std::copy_n(view.row(y + offset.y) + (columns.begin + offset.x) * view.channels, bytes,
                out + y * view.stride + columns.begin * view.channels);
  }
}

/// Pixels alone, by `offset` where there is one; `row` is what lies outside.
void fill_and_move(const ImageView& view, const AffineMatrix& m, const std::optional<Offset>& offset,
                   const std::vector<std::uint8_t>& row, std::uint8_t* out) {
  for (std::int64_t y = 0; y < view.height; ++y) std::copy(row.begin(), row.end(), out + y * view.stride);
  if (offset) shift(view, *offset, out);
  else nearest_inside(view, m, out);
}

/// The nearest number with 15 decimals, as Python's round(value, 15) finds it.
double rounded15(double value) {
  std::array<char, 32> text;
  const auto written = std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed, 15);
  std::from_chars(text.data(), written.ptr, value);
  return value;
}

/// As Python's %: never negative.
double positive_degrees(double angle) {
  const double degrees = std::fmod(angle, 360.0);
  return degrees < 0 ? degrees + 360.0 : degrees;
}

AffineMatrix rotation(double degrees, double width, double height) {
  const double angle = -(degrees * kDegree);
  const double cosine = rounded15(std::cos(angle)), sine = rounded15(std::sin(angle));
  AffineMatrix m = {cosine, sine, 0, rounded15(-std::sin(angle)), cosine, 0};
  const double x = width / 2.0, y = height / 2.0;
  m[2] = m[0] * -x + m[1] * -y + x;
  m[5] = m[3] * -x + m[4] * -y + y;
  return m;
}

}  // namespace

AffineMatrix inverse_affine_matrix(const AffineParameters& p) {
  const double turn = p.angle * kDegree, sx = p.shear[0] * kDegree, sy = p.shear[1] * kDegree;
  const double a = std::cos(turn - sy) / std::cos(sy);
  const double b = -std::cos(turn - sy) * std::tan(sx) / std::cos(sy) - std::sin(turn);
  const double c = std::sin(turn - sy) / std::cos(sy);
  const double d = -std::sin(turn - sy) * std::tan(sx) / std::cos(sy) + std::cos(turn);
  AffineMatrix m = {d / p.scale, -b / p.scale, 0.0, -c / p.scale, a / p.scale, 0.0};
  const double x = -p.center[0] - p.translate[0], y = -p.center[1] - p.translate[1];
  m[2] += m[0] * x + m[1] * y;
  m[5] += m[3] * x + m[4] * y;
  m[2] += p.center[0];
  m[5] += p.center[1];
  return m;
}

torch::Tensor affine(const torch::Tensor& image, const AffineMatrix& matrix, Interpolation interpolation,
                     const Fill& fill) {
  const ImageView view = rgb_or_grey(image);
  const std::vector<std::uint8_t> row = fill_row(fill, view);
  auto result = empty_like(view);
  auto* out = result.data_ptr<std::uint8_t>();
  const auto offset = whole_offset(view, matrix);
  if (interpolation != Interpolation::Nearest && !offset) {
    interpolate_affine(view, matrix, interpolation, row.data(), out);
    return result;
  }
  fill_and_move(view, matrix, offset, row, out);
  return result;
}

void nearest_affine(const ImageView& pixels, const AffineMatrix& matrix, const std::uint8_t* fill, std::uint8_t* out) {
  const std::vector<std::uint8_t> row = fill_row(Fill(fill, fill + pixels.channels), pixels);
  fill_and_move(pixels, matrix, whole_offset(pixels, matrix), row, out);
}

AffineMatrix rotation_matrix(double angle, std::int64_t height, std::int64_t width) {
  return rotation(positive_degrees(angle), static_cast<double>(width), static_cast<double>(height));
}

torch::Tensor rotate(const torch::Tensor& image, double angle, Interpolation interpolation, const Fill& fill) {
  const ImageView view = rgb_or_grey(image);
  const double degrees = positive_degrees(angle);
  if (degrees == 0) return image;
  if (degrees == 180) return image.flip({0, 1});
  if (view.width == view.height && degrees == 90) return image.transpose(0, 1).flip(0).contiguous();
  if (view.width == view.height && degrees == 270) return image.transpose(0, 1).flip(1).contiguous();
  return affine(image, rotation_matrix(angle, view.height, view.width), interpolation, fill);
}

}  // namespace mlrun::data
