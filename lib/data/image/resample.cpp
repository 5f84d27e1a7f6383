#include "data/image/resample.h"

#include <algorithm>
#include <cstring>

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#define MLRUN_AVX2_KERNELS __attribute__((target("avx2")))
#endif

namespace mlrun::data {
namespace {

constexpr std::int32_t kHalfWeight = 1 << (kWeightBits - 1);

std::uint8_t clip(std::int32_t sum) { return static_cast<std::uint8_t>(std::clamp(sum >> kWeightBits, 0, 255)); }

/// Pixels `begin` and after of one output row; `Channels` 0 means any number.
template <int Channels>
void resample_row(const std::uint8_t* in, std::int64_t any_channels, std::int64_t origin, const Taps& taps,
                  std::int64_t begin, std::uint8_t* out) {
  const std::int64_t channels = Channels > 0 ? Channels : any_channels;
  out += begin * channels;
  for (std::int64_t x = begin; x < taps.size(); ++x) {
    const std::int32_t* weights = taps.weights_of(x);
    const std::uint8_t* pixel = in + (taps.first[static_cast<std::size_t>(x)] - origin) * channels;
    const std::int64_t count = taps.count[static_cast<std::size_t>(x)];
    for (std::int64_t c = 0; c < channels; ++c) {
      std::int32_t sum = kHalfWeight;
      for (std::int64_t k = 0; k < count; ++k) sum += pixel[k * channels + c] * weights[k];
      *out++ = clip(sum);
    }
  }
}

void resample_tail(const std::uint8_t* in, std::int64_t channels, std::int64_t origin, const Taps& taps,
                   std::int64_t begin, std::uint8_t* out) {
  const auto row = channels == 3 ? resample_row<3> : channels == 1 ? resample_row<1> : resample_row<0>;
  row(in, channels, origin, taps, begin, out);
}

void plain_along(const ImageView& in, std::int64_t origin, const Taps& taps, std::uint8_t* out, std::int64_t stride) {
  for (std::int64_t y = 0; y < in.height; ++y, out += stride) {
    resample_tail(in.row(y), in.channels, origin, taps, 0, out);
  }
}

/// `Size` neighbouring bytes of one output row; a constant so that the compiler can vectorise.
template <int Size>
void resample_block(const std::uint8_t* in, std::int64_t stride, const std::int32_t* weights, std::int64_t count,
                    std::uint8_t* out) {
  std::int32_t sums[Size];
  for (int i = 0; i < Size; ++i) sums[i] = kHalfWeight;
  for (std::int64_t k = 0; k < count; ++k, in += stride) {
    for (int i = 0; i < Size; ++i) sums[i] += in[i] * weights[k];
  }
  for (int i = 0; i < Size; ++i) out[i] = clip(sums[i]);
}

void plain_across(const ImageView& in, std::int64_t origin, const Taps& taps, std::int64_t at, std::uint8_t* out) {
  constexpr int kBlock = 32;
  const std::uint8_t* from = in.row(taps.first[static_cast<std::size_t>(at)] - origin);
  const std::int64_t count = taps.count[static_cast<std::size_t>(at)], bytes = in.width * in.channels;
  const std::int32_t* weights = taps.weights_of(at);
  std::int64_t i = 0;
  for (; i + kBlock <= bytes; i += kBlock) resample_block<kBlock>(from + i, in.stride, weights, count, out + i);
  for (; i < bytes; ++i) resample_block<1>(from + i, in.stride, weights, count, out + i);
}

#ifdef MLRUN_AVX2_KERNELS

// A weight is upper * 2^kLowBits + lower, so that a sum of products is two sums of 16-bit products, which
// one instruction takes in pairs. All sums fit into 32 bits, so the bits are those of the plain loops.

MLRUN_AVX2_KERNELS inline __m256i joined(__m256i upper, __m256i lower) {
  const __m256i sum = _mm256_add_epi32(_mm256_slli_epi32(upper, kLowBits), lower);
  return _mm256_srai_epi32(_mm256_add_epi32(sum, _mm256_set1_epi32(kHalfWeight)), kWeightBits);
}

/// Two 16-bit weights in every pair of lanes.
MLRUN_AVX2_KERNELS inline __m256i weight_pair(const std::int16_t* weights) {
  std::int32_t pair = 0;
  std::memcpy(&pair, weights, sizeof pair);
  return _mm256_set1_epi32(pair);
}

MLRUN_AVX2_KERNELS inline void store_pixel(std::uint8_t* out, std::int32_t pixel) {
  std::memcpy(out, &pixel, sizeof pixel);
}

/// Of each half of `pixels`, four RGB pixels from byte 0 on: pixels `2 * Pair` and `2 * Pair + 1` as 16-bit pairs.
template <int Pair>
MLRUN_AVX2_KERNELS inline __m256i rgb_pairs(__m256i pixels) {
  constexpr char a = 6 * Pair, n = -1;
  const __m128i order = _mm_setr_epi8(a, n, a + 3, n, a + 1, n, a + 4, n, a + 2, n, a + 5, n, n, n, n, n);
  return _mm256_shuffle_epi8(pixels, _mm256_broadcastsi128_si256(order));
}

/// What is summed up of one pixel of two rows.
struct PixelSums {
  __m256i upper, lower;
};

/// Adds 16 bytes, four taps, of each of two rows of RGB; the lower parts of weights need not be added where they are 0.
template <bool Coarse>
MLRUN_AVX2_KERNELS inline void add_taps(PixelSums& sums, const std::uint8_t* one, const std::uint8_t* two,
                                        const std::int16_t* weights) {
  const __m128i first = _mm_loadu_si128(reinterpret_cast<const __m128i*>(one));
  const __m128i second = _mm_loadu_si128(reinterpret_cast<const __m128i*>(two));
  const __m256i pixels = _mm256_inserti128_si256(_mm256_castsi128_si256(first), second, 1);
  const __m256i front = rgb_pairs<0>(pixels), back = rgb_pairs<1>(pixels);
  sums.upper = _mm256_add_epi32(sums.upper, _mm256_madd_epi16(front, weight_pair(weights)));
  sums.upper = _mm256_add_epi32(sums.upper, _mm256_madd_epi16(back, weight_pair(weights + 4)));
  if constexpr (Coarse) return;
  sums.lower = _mm256_add_epi32(sums.lower, _mm256_madd_epi16(front, weight_pair(weights + 2)));
  sums.lower = _mm256_add_epi32(sums.lower, _mm256_madd_epi16(back, weight_pair(weights + 6)));
}

constexpr int kRows = 4;

struct RowGroup {
  const std::uint8_t* in[kRows];
  std::uint8_t* out[kRows];
};

/// Pixels 0 .. end - 1 of four rows of RGB. Reads 16 bytes for each four taps; writes a byte more than a pixel has.
template <bool Coarse>
MLRUN_AVX2_KERNELS void along_rows(const RowGroup rows, std::int64_t origin, const Taps& taps, std::int64_t end) {
  // Copies, which stores of bytes cannot change.
  const std::int64_t *first = taps.first.data(), *counts = taps.count.data(), step = 2 * taps.most;
  const std::int16_t* of_pixel = taps.split.data();
  for (std::int64_t x = 0; x < end; ++x, of_pixel += step) {
    const std::int16_t* weights = of_pixel;
    const __m256i zero = _mm256_setzero_si256();
    PixelSums near{zero, zero}, far{zero, zero};
    std::int64_t at = (first[x] - origin) * 3;
    for (std::int64_t k = counts[x]; k > 0; k -= 4, at += 12, weights += 8) {
      add_taps<Coarse>(near, rows.in[0] + at, rows.in[1] + at, weights);
      add_taps<Coarse>(far, rows.in[2] + at, rows.in[3] + at, weights);
    }
    const __m256i sums = _mm256_packs_epi32(joined(near.upper, near.lower), joined(far.upper, far.lower));
    const __m256i bytes = _mm256_packus_epi16(sums, sums);
    const __m128i even = _mm256_castsi256_si128(bytes), odd = _mm256_extracti128_si256(bytes, 1);
    store_pixel(rows.out[0] + 3 * x, _mm_extract_epi32(even, 0));
    store_pixel(rows.out[1] + 3 * x, _mm_extract_epi32(odd, 0));
    store_pixel(rows.out[2] + 3 * x, _mm_extract_epi32(even, 1));
    store_pixel(rows.out[3] + 3 * x, _mm_extract_epi32(odd, 1));
  }
}

/// How many output pixels can be computed, in groups of four taps of 16 bytes, without a look beyond `readable` bytes
/// of a row. Each is taken to have as many taps as any: those before may have more than the last.
std::int64_t readable_pixels(const Taps& taps, std::int64_t origin, std::int64_t readable) {
  const std::int64_t looked_at = taps.most * 3 + 4;
  std::int64_t end = taps.size();
  while (end > 0 && (taps.first[static_cast<std::size_t>(end - 1)] - origin) * 3 + looked_at > readable) --end;
  return end;
}

void avx2_along(const ImageView& in, std::int64_t origin, const Taps& taps, std::uint8_t* out, std::int64_t stride) {
  if (in.channels != 3) return plain_along(in, origin, taps, out, stride);
  const std::int64_t end = readable_pixels(taps, origin, in.width * 3 + in.slack);
  for (std::int64_t y = 0; y < in.height; y += kRows) {
    RowGroup rows;
    for (int i = 0; i < kRows; ++i) {
      const std::int64_t at = std::min(y + i, in.height - 1);  // the last row again where there is no more
      rows.in[i] = in.row(at), rows.out[i] = out + at * stride;
    }
    (taps.coarse ? along_rows<true> : along_rows<false>)(rows, origin, taps, end);
    for (int i = 0; i < kRows; ++i) resample_tail(rows.in[i], 3, origin, taps, end, rows.out[i]);
  }
}

/// 32 bytes of two rows as 16-bit pairs, in four parts of which packing makes the bytes' order again.
struct PairedBytes {
  __m256i parts[4];
};

MLRUN_AVX2_KERNELS inline PairedBytes pair_bytes(const std::uint8_t* a, const std::uint8_t* b) {
  const __m256i one = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(a));
  const __m256i two = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(b));
  const __m256i zero = _mm256_setzero_si256();
  const __m256i front = _mm256_unpacklo_epi8(one, two), back = _mm256_unpackhi_epi8(one, two);
  return {{_mm256_unpacklo_epi8(front, zero), _mm256_unpackhi_epi8(front, zero), _mm256_unpacklo_epi8(back, zero),
           _mm256_unpackhi_epi8(back, zero)}};
}

template <bool Coarse>
MLRUN_AVX2_KERNELS void across_block(const std::uint8_t* in, std::int64_t stride, const std::int16_t* weights,
                                     std::int64_t count, std::uint8_t* out) {
  __m256i upper[4], lower[4];
  for (int i = 0; i < 4; ++i) upper[i] = lower[i] = _mm256_setzero_si256();
  for (std::int64_t k = 0; k < count; k += 2, in += 2 * stride, weights += 4) {
    const PairedBytes bytes = pair_bytes(in, k + 1 < count ? in + stride : in);  // the weight there is 0
    const __m256i above = weight_pair(weights), below = weight_pair(weights + 2);
    for (int i = 0; i < 4; ++i) {
      upper[i] = _mm256_add_epi32(upper[i], _mm256_madd_epi16(bytes.parts[i], above));
      if constexpr (!Coarse) lower[i] = _mm256_add_epi32(lower[i], _mm256_madd_epi16(bytes.parts[i], below));
    }
  }
  const __m256i front = _mm256_packs_epi32(joined(upper[0], lower[0]), joined(upper[1], lower[1]));
  const __m256i back = _mm256_packs_epi32(joined(upper[2], lower[2]), joined(upper[3], lower[3]));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm256_packus_epi16(front, back));
}

void avx2_across(const ImageView& in, std::int64_t origin, const Taps& taps, std::int64_t at, std::uint8_t* out) {
  const std::uint8_t* from = in.row(taps.first[static_cast<std::size_t>(at)] - origin);
  const std::int64_t bytes = in.width * in.channels;
  const auto block = taps.coarse ? across_block<true> : across_block<false>;
  for (std::int64_t i = 0; i < bytes; i += 32) {
    block(from + i, in.stride, taps.split_of(at), taps.count[static_cast<std::size_t>(at)], out + i);
  }
}

#endif

std::vector<ResampleKernels> find_kernels() {
  std::vector<ResampleKernels> list = {{"plain", plain_along, plain_across}};
#ifdef MLRUN_AVX2_KERNELS
  if (__builtin_cpu_supports("avx2")) list.push_back({"avx2", avx2_along, avx2_across});
#endif
  return list;
}

}  // namespace

const std::vector<ResampleKernels>& all_resample_kernels() {
  static const std::vector<ResampleKernels> list = find_kernels();
  return list;
}

const ResampleKernels& resample_kernels() { return all_resample_kernels().back(); }

}  // namespace mlrun::data
