#include "deploy/graph/kernels.h"

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <vector>

#include "deploy/graph/share.h"

namespace mlrun::deploy {
namespace {

template <KernelAct act>
using ActTag = std::integral_constant<KernelAct, act>;

template <KernelAct act>
inline MLRUN_INLINE float apply(ActTag<act>, float x) {
  if constexpr (act == KernelAct::Relu) return x > 0 ? x : 0;
  if constexpr (act == KernelAct::Relu6) return x > 0 ? (x < 6 ? x : 6) : 0;
  if constexpr (act == KernelAct::Hardsigmoid || act == KernelAct::Hardswish) {
    const float shifted = x + 3;
    const float clipped = (shifted > 0 ? (shifted < 6 ? shifted : 6) : 0) * (1.0f / 6.0f);
    return act == KernelAct::Hardsigmoid ? clipped : x * clipped;
  }
  if constexpr (act == KernelAct::Sigmoid) return 1 / (1 + std::exp(-x));
  if constexpr (act == KernelAct::Silu) return x / (1 + std::exp(-x));
  if constexpr (act == KernelAct::Gelu) return 0.5f * x * (1 + std::erf(x * 0.70710678f));
  if constexpr (act == KernelAct::Tanh) return std::tanh(x);
  return x;
}

/// Calls `body` with the activation as a type.
template <class Body>
inline MLRUN_INLINE void with_act(KernelAct act, const Body& body) {
  switch (act) {
    case KernelAct::Relu: return body(ActTag<KernelAct::Relu>());
    case KernelAct::Relu6: return body(ActTag<KernelAct::Relu6>());
    case KernelAct::Hardswish: return body(ActTag<KernelAct::Hardswish>());
    case KernelAct::Hardsigmoid: return body(ActTag<KernelAct::Hardsigmoid>());
    case KernelAct::Sigmoid: return body(ActTag<KernelAct::Sigmoid>());
    case KernelAct::Silu: return body(ActTag<KernelAct::Silu>());
    case KernelAct::Gelu: return body(ActTag<KernelAct::Gelu>());
    case KernelAct::Tanh: return body(ActTag<KernelAct::Tanh>());
    case KernelAct::None: return body(ActTag<KernelAct::None>());
  }
}

/// Sums over the pixels of one block of 8 channels, whose sums stay in one register.
MLRUN_CLONES void sum_block8(const float* x, std::int64_t pixels, float* sums) {
  float lanes[4][8] = {};
  std::int64_t p = 0;
  for (; p + 4 <= pixels; p += 4) {
    for (int u = 0; u < 4; ++u) {
      for (int l = 0; l < 8; ++l) lanes[u][l] += x[(p + u) * 8 + l];
    }
  }
  for (; p < pixels; ++p) {
    for (int l = 0; l < 8; ++l) lanes[0][l] += x[p * 8 + l];
  }
  for (int l = 0; l < 8; ++l) sums[l] = (lanes[0][l] + lanes[1][l]) + (lanes[2][l] + lanes[3][l]);
}

MLRUN_CLONES float sum_plain(const float* x, std::int64_t count) {
  float lanes[32] = {};
  std::int64_t i = 0;
  for (; i + 32 <= count; i += 32) {
    for (int l = 0; l < 32; ++l) lanes[l] += x[i + l];
  }
  float sum = 0;
  for (; i < count; ++i) sum += x[i];
  for (const float lane : lanes) sum += lane;
  return sum;
}

MLRUN_CLONES void sum_block(const float* x, std::int64_t pixels, std::int64_t block, float* sums) {
  std::fill(sums, sums + block, 0.0f);
  for (std::int64_t p = 0; p < pixels; ++p) {
    for (std::int64_t l = 0; l < block; ++l) sums[l] += x[p * block + l];
  }
}

MLRUN_CLONES float dot(const float* a, const float* b, std::int64_t count) {
  float lanes[32] = {};
  std::int64_t i = 0;
  for (; i + 32 <= count; i += 32) {
    for (int l = 0; l < 32; ++l) lanes[l] += a[i + l] * b[i + l];
  }
  float sum = 0;
  for (; i < count; ++i) sum += a[i] * b[i];
  for (int l = 16; l > 0; l /= 2) {
    for (int k = 0; k < l; ++k) lanes[k] += lanes[k + l];
  }
  return sum + lanes[0];
}

/// One block of channels: y[p, l] = act(x[p, l] * weight[l] + bias[l]).
MLRUN_CLONES void affine_block(const float* x, const float* weight, const float* bias, std::int64_t pixels,
                               std::int64_t block, KernelAct act, float* y) {
  with_act(act, [&](auto tag) MLRUN_INLINE {
    if (block == 8) {
      for (std::int64_t p = 0; p < pixels; ++p) {
        MLRUN_ELEMENTWISE
        for (int l = 0; l < 8; ++l) y[p * 8 + l] = apply(tag, x[p * 8 + l] * weight[l] + bias[l]);
      }
    } else if (block == 1) {
      const float w = weight[0], b = bias[0];
      MLRUN_ELEMENTWISE
      for (std::int64_t p = 0; p < pixels; ++p) y[p] = apply(tag, x[p] * w + b);
    } else {
      for (std::int64_t p = 0; p < pixels; ++p) {
        MLRUN_ELEMENTWISE
        for (std::int64_t l = 0; l < block; ++l) y[p * block + l] = apply(tag, x[p * block + l] * weight[l] + bias[l]);
      }
    }
  });
}

MLRUN_CLONES void scale_block(const float* x, const float* scale, std::int64_t pixels, std::int64_t block,
                              KernelAct act, float* y) {
  with_act(act, [&](auto tag) MLRUN_INLINE {
    if (block == 8) {
      for (std::int64_t p = 0; p < pixels; ++p) {
        MLRUN_ELEMENTWISE
        for (int l = 0; l < 8; ++l) y[p * 8 + l] = apply(tag, x[p * 8 + l] * scale[l]);
      }
    } else if (block == 1) {
      const float s = scale[0];
      MLRUN_ELEMENTWISE
      for (std::int64_t p = 0; p < pixels; ++p) y[p] = apply(tag, x[p] * s);
    } else {
      for (std::int64_t p = 0; p < pixels; ++p) {
        MLRUN_ELEMENTWISE
        for (std::int64_t l = 0; l < block; ++l) y[p * block + l] = apply(tag, x[p * block + l] * scale[l]);
      }
    }
  });
}

MLRUN_CLONES void add_range(const float* a, const float* b, std::int64_t count, KernelAct act, float* y) {
  with_act(act, [&](auto tag) MLRUN_INLINE {
    MLRUN_ELEMENTWISE
    for (std::int64_t i = 0; i < count; ++i) y[i] = apply(tag, a[i] + b[i]);
  });
}

MLRUN_CLONES void multiply_range(const float* a, const float* b, std::int64_t count, float* y) {
  MLRUN_ELEMENTWISE
  for (std::int64_t i = 0; i < count; ++i) y[i] = a[i] * b[i];
}

MLRUN_CLONES void activate_range(const float* x, std::int64_t count, KernelAct act, float* y) {
  with_act(act, [&](auto tag) MLRUN_INLINE {
    MLRUN_ELEMENTWISE
    for (std::int64_t i = 0; i < count; ++i) y[i] = apply(tag, x[i]);
  });
}

/// Adds each channel's values and their squares to `sums` and `squares` [block]: in float32 for a few pixels at a time.
MLRUN_CLONES void add_moments(const float* x, std::int64_t pixels, std::int64_t block, double* sums, double* squares) {
  constexpr std::int64_t kPixels = 64, kLanes = 16;
  for (std::int64_t lane = 0; lane < block; lane += kLanes) {
    const std::int64_t lanes = std::min(kLanes, block - lane);
    for (std::int64_t begin = 0; begin < pixels; begin += kPixels) {
      float sum[kLanes] = {}, square[kLanes] = {};
      for (std::int64_t p = begin; p < std::min(begin + kPixels, pixels); ++p) {
        const float* pixel = x + p * block + lane;
        for (std::int64_t l = 0; l < lanes; ++l) {
          sum[l] += pixel[l];
          square[l] += pixel[l] * pixel[l];
        }
      }
      for (std::int64_t l = 0; l < lanes; ++l) {
        sums[lane + l] += static_cast<double>(sum[l]);
        squares[lane + l] += static_cast<double>(square[l]);
      }
    }
  }
}

float activated(KernelAct act, float x) {
  float y = x;
  with_act(act, [&](auto tag) MLRUN_INLINE { y = apply(tag, x); });
  return y;
}

/// Pieces of rows that NHWC is processed in, so that threads share even one image.
struct Tile {
  std::int64_t offset = 0, channel = 0, pixels = 0, image = 0;
};

/// Cuts a batch into blocks of channels, and those with very many channels (NHWC) by pixels.
template <class Body>
void for_tiles(const ImageLayout& layout, const Body& body) {
  const std::int64_t whole = layout.pixels;
  const std::int64_t piece =
      layout.blocks() > 1 ? whole : std::max<std::int64_t>(1, std::min(whole, kKernelGrain / layout.block));
  const std::int64_t pieces = whole > 0 ? (whole + piece - 1) / piece : 0;
  const std::int64_t blocks = layout.blocks();
  share(layout.images * blocks * pieces, piece * layout.block, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i) {
      const std::int64_t row = i / pieces, start = i % pieces * piece;
      body(Tile{(row * whole + start) * layout.block, row % blocks * layout.block, std::min(piece, whole - start),
                row / blocks});
    }
  });
}

}  // namespace

void channel_means(const float* x, const ImageLayout& layout, float* means) {
  const std::int64_t blocks = layout.blocks(), size = layout.pixels * layout.block;
  const float factor = 1.0f / static_cast<float>(layout.pixels);
  share(layout.images * blocks, size, [&](std::int64_t first, std::int64_t last) {
    std::vector<float> sums(static_cast<std::size_t>(layout.block));
    for (std::int64_t i = first; i < last; ++i) {
      if (layout.block == 1) sums[0] = sum_plain(x + i * size, size);
      else if (layout.block == 8) sum_block8(x + i * size, layout.pixels, sums.data());
      else sum_block(x + i * size, layout.pixels, layout.block, sums.data());
      const std::int64_t channel = i % blocks * layout.block;
      float* out = means + i / blocks * layout.channels + channel;
      const std::int64_t count = std::min(layout.block, layout.channels - channel);
      for (std::int64_t l = 0; l < count; ++l) out[l] = sums[static_cast<std::size_t>(l)] * factor;
    }
  });
}

void scale_channels(const float* x, const float* scale, const ImageLayout& layout, KernelAct act, float* y) {
  for_tiles(layout, [&](const Tile& tile) {
    const float* factors = scale + tile.image * layout.channels + tile.channel;
    float last[64] = {};  // of a block that is not full
    const std::int64_t count = layout.channels - tile.channel;
    if (count < layout.block) {
      std::copy(factors, factors + count, last);
      factors = last;
    }
    scale_block(x + tile.offset, factors, tile.pixels, layout.block, act, y + tile.offset);
  });
}

void affine_channels(const float* x, const float* weight, const float* bias, const ImageLayout& layout, KernelAct act,
                     float* y) {
  for_tiles(layout, [&](const Tile& tile) {
    affine_block(x + tile.offset, weight + tile.channel, bias + tile.channel, tile.pixels, layout.block, act,
                 y + tile.offset);
  });
}

void normalize_groups(const float* x, const float* weight, const float* bias, const GroupNormShape& shape,
                      KernelAct act, float* y) {
  const ImageLayout& layout = shape.layout;
  const std::int64_t blocks = layout.blocks(), size = layout.pixels * layout.block,
                     each = layout.channels / shape.groups;
  const auto lanes = static_cast<std::size_t>(layout.images * blocks * layout.block);
  std::vector<double> sums(lanes), squares(lanes);
  share(layout.images * blocks, size, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i) {
      add_moments(x + i * size, layout.pixels, layout.block, &sums[static_cast<std::size_t>(i * layout.block)],
                  &squares[static_cast<std::size_t>(i * layout.block)]);
    }
  });
  std::vector<float> factor(lanes), offset(lanes);  // zero beyond the channels
  const auto count = static_cast<double>(each * layout.pixels);
  for (std::int64_t group = 0; group < layout.images * shape.groups; ++group) {
    const std::int64_t channel = group % shape.groups * each;
    const auto begin = static_cast<std::size_t>(group / shape.groups * blocks * layout.block + channel);
    double sum = 0, square = 0;
    for (std::size_t i = begin; i < begin + static_cast<std::size_t>(each); ++i) sum += sums[i], square += squares[i];
    const double mean = sum / count, variance = std::max(0.0, square / count - mean * mean);
    const double inverse = 1 / std::sqrt(variance + shape.eps);
    for (std::int64_t c = 0; c < each; ++c) {
      const std::size_t at = begin + static_cast<std::size_t>(c);
      factor[at] = static_cast<float>(static_cast<double>(weight[channel + c]) * inverse);
      offset[at] = static_cast<float>(static_cast<double>(bias[channel + c]) - static_cast<double>(factor[at]) * mean);
    }
  }
  for_tiles(layout, [&](const Tile& tile) {
    const auto at = static_cast<std::size_t>(tile.image * blocks * layout.block + tile.channel);
    affine_block(x + tile.offset, &factor[at], &offset[at], tile.pixels, layout.block, act, y + tile.offset);
  });
}

void add_all(const float* a, const float* b, std::int64_t count, KernelAct act, float* y) {
  share(count, 1,
        [&](std::int64_t first, std::int64_t last) { add_range(a + first, b + first, last - first, act, y + first); });
}

void multiply_all(const float* a, const float* b, std::int64_t count, float* y) {
  share(count, 1,
        [&](std::int64_t first, std::int64_t last) { multiply_range(a + first, b + first, last - first, y + first); });
}

void activate_all(const float* x, std::int64_t count, KernelAct act, float* y) {
  share(count, 1,
        [&](std::int64_t first, std::int64_t last) { activate_range(x + first, last - first, act, y + first); });
}

void dense(const float* x, const float* weight, const float* bias, const DenseShape& shape, KernelAct act,
           const float* residual, KernelAct final_act, float* y) {
  share(shape.out, shape.in * shape.rows, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t o = first; o < last; ++o) {
      for (std::int64_t row = 0; row < shape.rows; ++row) {
        const std::int64_t at = row * shape.out + o;
        float sum = activated(act, dot(weight + o * shape.in, x + row * shape.in, shape.in) + bias[o]);
        if (residual) sum += residual[at];
        y[at] = activated(final_act, sum);
      }
    }
  });
}

}  // namespace mlrun::deploy
