#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include <torch/types.h>

#include "data/image/resize.h"

/// Affine maps of uint8 [H, W, C] images, RGB or grey, with the bits of torchvision 0.14.1 on PIL images
/// (Pillow 9.4's Image.transform and Image.rotate). Results have the image's size.
namespace mlrun::data {

/// From a point (x, y) of the result to one of the image: (m0 x + m1 y + m2, m3 x + m4 y + m5), in pixels, with
/// pixel centres at halves.
using AffineMatrix = std::array<double, 6>;

/// torchvision's `_get_inverse_affine_matrix`.
struct AffineParameters {
  std::array<double, 2> center{0, 0};     ///< x, y in pixels
  double angle = 0;                       ///< degrees, clockwise
  std::array<double, 2> translate{0, 0};  ///< x, y in pixels
  double scale = 1;
  std::array<double, 2> shear{0, 0};  ///< degrees, along x and y
};
AffineMatrix inverse_affine_matrix(const AffineParameters& parameters);

/// Nearest takes Pillow's fixed-point path (16 bits of fraction) where coordinates allow it; bilinear and bicubic
/// interpolate in float64 and truncate. The neighbourhood is clipped at the border.
torch::Tensor affine(const torch::Tensor& image, const AffineMatrix& matrix, Interpolation interpolation,
                     const Fill& fill);

/// What `affine` does for nearest, of pixels of any number of bytes: `fill` is one, and `out` as large as the image.
void nearest_affine(const ImageView& pixels, const AffineMatrix& matrix, const std::uint8_t* fill, std::uint8_t* out);

/// What `rotate` takes for an image of this size.
AffineMatrix rotation_matrix(double angle, std::int64_t height, std::int64_t width);

/// By `angle` degrees, counter-clockwise, around the middle. 0 and 180 degrees, and for square images 90 and 270,
/// move pixels alone.
torch::Tensor rotate(const torch::Tensor& image, double angle, Interpolation interpolation, const Fill& fill);

/// What `affine` does for `interpolation`, bilinear or bicubic, into `result`, which is of the image's size.
void interpolate_affine(const ImageView& image, const AffineMatrix& matrix, Interpolation interpolation,
                        const std::uint8_t* fill, std::uint8_t* result);

}  // namespace mlrun::data
