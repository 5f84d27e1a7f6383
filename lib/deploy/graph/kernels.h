#pragma once

#include <cstdint>
#include <vector>

/// What an inference graph computes itself, on float32: small operations between convolutions, in whatever memory
/// layout the convolutions chose. Every call uses the calling thread's number of OpenMP threads.
namespace mlrun::deploy {

/// Activations by number, so that this header needs no layers: the order of nn::Act, then none.
enum class KernelAct { Relu, Relu6, Hardswish, Hardsigmoid, Sigmoid, Silu, Gelu, Tanh, None };

/// An image batch in memory as [images, ceil(channels / block), pixels, block]; what fills the last block up is zero.
/// block 1 is NCHW, block == channels is NHWC.
struct ImageLayout {
  std::int64_t images = 0, channels = 0, pixels = 0, block = 1;

  std::int64_t blocks() const { return (channels + block - 1) / block; }
  std::int64_t image_floats() const { return blocks() * pixels * block; }
  std::int64_t floats() const { return images * image_floats(); }
};

/// means[images, channels]: of each channel of each image.
void channel_means(const float* x, const ImageLayout& layout, float* means);

/// y = act(x * scale), scale [images, channels]. In place where y == x. The activation keeps zero.
void scale_channels(const float* x, const float* scale, const ImageLayout& layout, KernelAct act, float* y);

/// y = act(x * weight + bias), weight and bias [blocks * block], zero beyond the channels. The activation keeps zero.
void affine_channels(const float* x, const float* weight, const float* bias, const ImageLayout& layout, KernelAct act,
                     float* y);

/// y = act(a + b) and y = a * b, of `count` numbers each.
void add_all(const float* a, const float* b, std::int64_t count, KernelAct act, float* y);
void multiply_all(const float* a, const float* b, std::int64_t count, float* y);
/// y = act(x).
void activate_all(const float* x, std::int64_t count, KernelAct act, float* y);

struct DenseShape {
  std::int64_t rows = 0, in = 0, out = 0;
};
/// y = act(act(x w' + bias) + residual) for few rows: x [rows, in], w [out, in], y [rows, out]. `residual` may be null,
/// and may be y.
void dense(const float* x, const float* weight, const float* bias, const DenseShape& shape, KernelAct act,
           const float* residual, KernelAct final_act, float* y);

/// Images as [planes, rows, columns, block]: planes are images times blocks of channels.
struct ResizeShape {
  std::int64_t planes = 0, block = 1, rows = 0, columns = 0, to_rows = 0, to_columns = 0;
};
/// y [planes, to_rows, to_columns, block]: x in another height and width; bilinear, pixels as squares (torch's
/// `interpolate` with `align_corners=False`).
void resize_bilinear(const float* x, const ResizeShape& shape, float* y);

/// The same without mixing: of each place the pixel that it lies in (torch's `nearest`); y = residual + that.
/// `residual` may be null, and may be y.
void resize_nearest(const float* x, const float* residual, const ResizeShape& shape, float* y);

struct GroupNormShape {
  ImageLayout layout;
  std::int64_t groups = 1;
  double eps = 1e-5;
};
/// y = act(normalized x * weight + bias), where each group of channels of an image has mean 0 and variance 1; weight
/// and bias [channels]. In place where y == x. The activation keeps zero.
void normalize_groups(const float* x, const float* weight, const float* bias, const GroupNormShape& shape,
                      KernelAct act, float* y);

/// A source of channels for `gather_channels`.
struct ChannelSource {
  const float* data = nullptr;
  ImageLayout layout;
};
/// One channel of one of the sources.
struct ChannelPick {
  int source = 0;
  std::int64_t channel = 0;
};
/// y's channel c is `picks[c]`: concatenation, splitting and shuffling. Sources have y's images and pixels.
void gather_channels(const std::vector<ChannelSource>& sources, const std::vector<ChannelPick>& picks,
                     const ImageLayout& layout, float* y);

}  // namespace mlrun::deploy
