#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "config/options.h"
#include "data/transforms/transform.h"

/// Transforms of whole images: resize, flips, grey, normalize. Named and behaving as torchvision's
/// on PIL images.
namespace mlrun::data {

/// What is wrong with a `size` of one or two values; empty when nothing is.
std::string size_problem(const std::vector<std::int64_t>& size);

/// UserError at `key` unless a list of `count` values fits `channels`: one value, or one for each.
void check_per_channel(const std::string& key, std::size_t count, std::int64_t channels);

struct ResizeOptions {
  std::vector<std::int64_t> size;  ///< shorter side, or height and width; empty: the context's
  std::string interpolation = "bilinear";
  static void declare(config::Declare<ResizeOptions>& d);
};
/// The longer side keeps the proportions and is rounded down, as torchvision's Resize does.
std::unique_ptr<Transform> make_resize(const ResizeOptions& options, const TransformContext& context);

struct FlipOptions {
  double p = 0.5;
  static void declare(config::Declare<FlipOptions>& d);
};
std::unique_ptr<Transform> make_horizontal_flip(const FlipOptions& options);
std::unique_ptr<Transform> make_vertical_flip(const FlipOptions& options);

struct GrayscaleOptions {
  std::int64_t num_output_channels = 1;
  static void declare(config::Declare<GrayscaleOptions>& d);
};
/// ITU-R 601 luma with Pillow's 16-bit weights; with 3 output channels all three are equal.
std::unique_ptr<Transform> make_grayscale(const GrayscaleOptions& options, const TransformContext& context);

struct NormalizeOptions {
  std::vector<double> mean{0.485, 0.456, 0.406};
  std::vector<double> deviation{0.229, 0.224, 0.225};  ///< `std` in recipes
  static void declare(config::Declare<NormalizeOptions>& d);
};
/// uint8 [H, W, C] to float32 [C, H, W]: (x / 255 - mean) / std with the bits of torchvision's
/// ToTensor followed by Normalize. UserError where a list fits neither 1 nor the channels.
std::unique_ptr<Transform> make_normalize(const NormalizeOptions& options, const TransformContext& context);

/// What the presets normalize with: ImageNet's statistics for three channels, their means
/// (0.449 and 0.226) for any other number.
NormalizeOptions imagenet_statistics(std::int64_t channels);
/// The statistics that the model was published with where they are of as many channels, else ImageNet's: a preset's.
NormalizeOptions published_statistics(const TransformContext& context);

}  // namespace mlrun::data
