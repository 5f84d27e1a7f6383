#include "nn/boxes/kernels.h"

// Vectorised at -O3 alone. No operation is reordered or contracted, so the instructions chosen change no result: AVX2
// without fused multiplication and addition.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O3", "fp-contract=off", "no-trapping-math")
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define MLRUN_CLONES __attribute__((target_clones("avx2", "default")))
#endif
#endif
#ifndef MLRUN_CLONES
#define MLRUN_CLONES
#endif
#define MLRUN_INLINE inline __attribute__((always_inline))
#if defined(__clang__)
#pragma clang fp contract(off)
#endif

namespace mlrun::nn {
namespace {

template <class Scalar>
MLRUN_INLINE Scalar larger(Scalar a, Scalar b) {
  return a < b ? b : a;
}

template <class Scalar>
MLRUN_INLINE Scalar smaller(Scalar a, Scalar b) {
  return b < a ? b : a;
}

template <class Scalar>
struct Box {
  Scalar left, top, right, bottom, area;
};

template <class Scalar>
MLRUN_INLINE Box<Scalar> box(const BoxColumns<Scalar>& from, std::int64_t i) {
  return {from.left[i], from.top[i], from.right[i], from.bottom[i], from.area[i]};
}

/// NaN where either box has one, for its area has it too.
template <class Scalar>
MLRUN_INLINE Scalar iou(const Box<Scalar>& a, const Box<Scalar>& b) {
  const Scalar width = larger(smaller(a.right, b.right) - larger(a.left, b.left), Scalar(0));
  const Scalar height = larger(smaller(a.bottom, b.bottom) - larger(a.top, b.top), Scalar(0));
  const Scalar common = width * height;
  return common / (a.area + b.area - common);
}

template <class Scalar>
MLRUN_INLINE void iou_loop(const BoxColumns<Scalar>& a, std::int64_t at, const BoxColumns<Scalar>& b,
                           std::int64_t begin, std::int64_t end, Scalar* __restrict out) {
  const Box<Scalar> one = box(a, at);
  for (std::int64_t i = begin; i < end; ++i) out[i - begin] = iou(one, box(b, i));
}

template <class Scalar>
MLRUN_INLINE void suppress_loop(const BoxColumns<Scalar>& boxes, std::int64_t at, std::int64_t count, Scalar threshold,
                                std::int32_t* __restrict gone) {
  const Box<Scalar> one = box(boxes, at);
  for (std::int64_t i = at + 1; i < count; ++i) gone[i] |= iou(one, box(boxes, i)) > threshold ? 1 : 0;
}

template <class Scalar>
MLRUN_INLINE void pool_loop(const RegionPoints<Scalar>& region, const Scalar* __restrict map, std::int64_t channels,
                            Scalar* __restrict out) {
  const auto samples = static_cast<Scalar>(region.per_cell > 0 ? region.per_cell : 1);
  const BilinearPoint<Scalar>* point = region.points;
  for (std::int64_t cell = 0; cell < region.cells; ++cell, out += channels) {
    for (std::int64_t c = 0; c < channels; ++c) out[c] = 0;
    for (std::int64_t i = 0; i < region.per_cell; ++i, ++point) {
      const Scalar *p0 = map + point->pixel[0] * channels, *p1 = map + point->pixel[1] * channels,
                   *p2 = map + point->pixel[2] * channels, *p3 = map + point->pixel[3] * channels;
      const Scalar w0 = point->weight[0], w1 = point->weight[1], w2 = point->weight[2], w3 = point->weight[3];
      for (std::int64_t c = 0; c < channels; ++c) out[c] += w0 * p0[c] + w1 * p1[c] + w2 * p2[c] + w3 * p3[c];
    }
    for (std::int64_t c = 0; c < channels; ++c) out[c] /= samples;
  }
}

template <class Scalar>
MLRUN_INLINE void spread_loop(const RegionPoints<Scalar>& region, const Scalar* gradient, std::int64_t begin,
                              std::int64_t end, std::int64_t channels, Scalar* map, Scalar* __restrict room) {
  const auto samples = static_cast<Scalar>(region.per_cell > 0 ? region.per_cell : 1);
  const BilinearPoint<Scalar>* point = region.points;
  for (std::int64_t cell = 0; cell < region.cells; ++cell) {
    for (std::int64_t c = begin; c < end; ++c) room[c - begin] = gradient[c * region.cells + cell];
    for (std::int64_t i = 0; i < region.per_cell; ++i, ++point) {
      for (int corner = 0; corner < 4; ++corner) {
        const Scalar weight = point->weight[corner];
        Scalar* __restrict to = map + point->pixel[corner] * channels + begin;
        for (std::int64_t c = 0; c < end - begin; ++c) to[c] += room[c] * weight / samples;
      }
    }
  }
}

// Clones cannot be templates.
MLRUN_CLONES void iou_of(const BoxColumns<float>& a, std::int64_t at, const BoxColumns<float>& b, std::int64_t begin,
                         std::int64_t end, float* out) {
  iou_loop(a, at, b, begin, end, out);
}
MLRUN_CLONES void iou_of(const BoxColumns<double>& a, std::int64_t at, const BoxColumns<double>& b, std::int64_t begin,
                         std::int64_t end, double* out) {
  iou_loop(a, at, b, begin, end, out);
}
MLRUN_CLONES void suppress_of(const BoxColumns<float>& boxes, std::int64_t at, std::int64_t count, float threshold,
                              std::int32_t* gone) {
  suppress_loop(boxes, at, count, threshold, gone);
}
MLRUN_CLONES void suppress_of(const BoxColumns<double>& boxes, std::int64_t at, std::int64_t count, double threshold,
                              std::int32_t* gone) {
  suppress_loop(boxes, at, count, threshold, gone);
}
MLRUN_CLONES void pool_of(const RegionPoints<float>& region, const float* map, std::int64_t channels, float* out) {
  pool_loop(region, map, channels, out);
}
MLRUN_CLONES void pool_of(const RegionPoints<double>& region, const double* map, std::int64_t channels, double* out) {
  pool_loop(region, map, channels, out);
}
MLRUN_CLONES void spread_of(const RegionPoints<float>& region, const float* gradient, std::int64_t begin,
                            std::int64_t end, std::int64_t channels, float* map, float* room) {
  spread_loop(region, gradient, begin, end, channels, map, room);
}
MLRUN_CLONES void spread_of(const RegionPoints<double>& region, const double* gradient, std::int64_t begin,
                            std::int64_t end, std::int64_t channels, double* map, double* room) {
  spread_loop(region, gradient, begin, end, channels, map, room);
}

}  // namespace

template <class Scalar>
void iou_row(const BoxColumns<Scalar>& a, std::int64_t at, const BoxColumns<Scalar>& b, std::int64_t begin,
             std::int64_t end, Scalar* out) {
  iou_of(a, at, b, begin, end, out);
}

template <class Scalar>
void suppress(const BoxColumns<Scalar>& boxes, std::int64_t at, std::int64_t count, Scalar threshold,
              std::int32_t* gone) {
  suppress_of(boxes, at, count, threshold, gone);
}

template <class Scalar>
void pool_region(const RegionPoints<Scalar>& region, const Scalar* map, std::int64_t channels, Scalar* out) {
  pool_of(region, map, channels, out);
}

template <class Scalar>
void pool_region_by_planes(const RegionPoints<Scalar>& region, const Scalar* map, std::int64_t pixels,
                           std::int64_t channels, Scalar* out) {
  const auto samples = static_cast<Scalar>(region.per_cell > 0 ? region.per_cell : 1);
  for (std::int64_t c = 0; c < channels; ++c, map += pixels) {
    const BilinearPoint<Scalar>* point = region.points;
    for (std::int64_t cell = 0; cell < region.cells; ++cell) {
      Scalar sum = 0;
      for (std::int64_t i = 0; i < region.per_cell; ++i, ++point) {
        sum += point->weight[0] * map[point->pixel[0]] + point->weight[1] * map[point->pixel[1]] +
               point->weight[2] * map[point->pixel[2]] + point->weight[3] * map[point->pixel[3]];
      }
      *out++ = sum / samples;
    }
  }
}

template <class Scalar>
void spread_region(const RegionPoints<Scalar>& region, const Scalar* gradient, std::int64_t begin, std::int64_t end,
                   std::int64_t channels, Scalar* map, Scalar* room) {
  spread_of(region, gradient, begin, end, channels, map, room);
}

#define MLRUN_FOR(Scalar)                                                                                           \
  template void iou_row(const BoxColumns<Scalar>&, std::int64_t, const BoxColumns<Scalar>&, std::int64_t,           \
                        std::int64_t, Scalar*);                                                                     \
  template void suppress(const BoxColumns<Scalar>&, std::int64_t, std::int64_t, Scalar, std::int32_t*);             \
  template void pool_region(const RegionPoints<Scalar>&, const Scalar*, std::int64_t, Scalar*);                     \
  template void pool_region_by_planes(const RegionPoints<Scalar>&, const Scalar*, std::int64_t, std::int64_t,       \
                                      Scalar*);                                                                     \
  template void spread_region(const RegionPoints<Scalar>&, const Scalar*, std::int64_t, std::int64_t, std::int64_t, \
                              Scalar*, Scalar*);
MLRUN_FOR(float)
MLRUN_FOR(double)

}  // namespace mlrun::nn
