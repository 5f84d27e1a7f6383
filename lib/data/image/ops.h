#pragma once

#include <cstdint>

#include <torch/types.h>

/// Operators on uint8 [H, W, C] images, RGB or grey, with the bits of torchvision 0.14.1's
/// `transforms.functional` on PIL images (Pillow 9.4). None changes its argument; where nothing is to be done, the
/// result may share the argument's memory.
namespace mlrun::data {

/// `a + weight * (b - a)` in float32, clipped to 0..255 and truncated, as Pillow's Image.blend. Sizes must be equal.
torch::Tensor blend(const torch::Tensor& a, const torch::Tensor& b, double weight);

/// Blends with black: 0 is black, 1 the image itself.
torch::Tensor adjust_brightness(const torch::Tensor& image, double factor);
/// Blends with the mean luma, rounded to an integer.
torch::Tensor adjust_contrast(const torch::Tensor& image, double factor);
/// Blends with the image in grey; a grey image stays as it is.
torch::Tensor adjust_saturation(const torch::Tensor& image, double factor);
/// Blends with the image smoothed by a 3 x 3 kernel (5 in the middle, else 1), whose border pixels are the image's own.
torch::Tensor adjust_sharpness(const torch::Tensor& image, double factor);
/// Turns the hue by `factor`, -0.5..0.5 of a full circle, through Pillow's 8-bit HSV; a grey image stays as it is.
torch::Tensor adjust_hue(const torch::Tensor& image, double factor);

/// Pillow's ImageFilter.SMOOTH: what adjust_sharpness blends with.
torch::Tensor smooth(const torch::Tensor& image);

/// Keeps the `bits` highest bits (0 to 8) of each value.
torch::Tensor posterize(const torch::Tensor& image, std::int64_t bits);
/// Inverts the values that are not below `threshold`.
torch::Tensor solarize(const torch::Tensor& image, double threshold);
torch::Tensor invert(const torch::Tensor& image);
/// Stretches the values of each channel to 0..255.
torch::Tensor autocontrast(const torch::Tensor& image);
/// Equalizes the histogram of each channel.
torch::Tensor equalize(const torch::Tensor& image);

}  // namespace mlrun::data
