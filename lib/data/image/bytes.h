#pragma once

#include <array>
#include <cstdint>

#include <torch/types.h>

#include "data/image/resize.h"

/// Loops over the bytes of images that the operators share. Their inner loops have constant lengths, so that the
/// compiler vectorises them at -O2.
namespace mlrun::data {

/// One result for each value of a byte.
using ByteTable = std::array<std::uint8_t, 256>;

/// ITU-R 601 luma of an RGB pixel with Pillow's 16-bit weights.
inline std::uint8_t luma(const std::uint8_t* rgb) {
  return static_cast<std::uint8_t>((rgb[0] * 19595 + rgb[1] * 38470 + rgb[2] * 7471 + 0x8000) >> 16);
}

/// out[i] = function(in[i]).
template <class Function>
void map_bytes(const std::uint8_t* __restrict in, std::int64_t size, std::uint8_t* __restrict out, Function function) {
  constexpr std::int64_t kBlock = 64;
  for (; size >= kBlock; size -= kBlock, in += kBlock, out += kBlock) {
    for (std::int64_t k = 0; k < kBlock; ++k) out[k] = function(in[k]);
  }
  for (std::int64_t k = 0; k < size; ++k) out[k] = function(in[k]);
}

/// out[i] = function(a[i], b[i]).
template <class Function>
void map_bytes(const std::uint8_t* __restrict a, const std::uint8_t* __restrict b, std::int64_t size,
               std::uint8_t* __restrict out, Function function) {
  constexpr std::int64_t kBlock = 64;
  for (; size >= kBlock; size -= kBlock, a += kBlock, b += kBlock, out += kBlock) {
    for (std::int64_t k = 0; k < kBlock; ++k) out[k] = function(a[k], b[k]);
  }
  for (std::int64_t k = 0; k < size; ++k) out[k] = function(a[k], b[k]);
}

/// The view of an image that the operators take: InternalError unless it is RGB or grey.
ImageView rgb_or_grey(const torch::Tensor& image);

/// An image as large as `view`, its bytes undefined.
torch::Tensor empty_like(const ImageView& view);

/// Every byte replaced by its entry.
torch::Tensor look_up(const torch::Tensor& image, const ByteTable& table);
/// The same with a table for each channel, `tables[channel]`.
torch::Tensor look_up(const torch::Tensor& image, const std::array<ByteTable, 3>& tables);

/// How often each value occurs.
using Histogram = std::array<std::int64_t, 256>;
/// Of each channel of an RGB image, or of a grey one in the first place.
std::array<Histogram, 3> histograms(const ImageView& view);

/// Applies to each channel the table that `make` finds from its histogram.
template <class Make>
torch::Tensor remap(const torch::Tensor& image, Make make) {
  const ImageView view = rgb_or_grey(image);
  const auto counts = histograms(view);
  if (view.channels == 1) return look_up(image, make(counts[0]));
  return look_up(image, {make(counts[0]), make(counts[1]), make(counts[2])});
}

}  // namespace mlrun::data
