#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace mlrun::data {

enum class Interpolation { Nearest, Bilinear, Bicubic };

/// `nearest`, `bilinear`, `bicubic`, in the order of the enumeration.
const std::vector<std::string>& interpolation_names();
/// InternalError for any other name.
Interpolation interpolation_of(const std::string& name);

/// One axis of a resize: which input becomes how many pixels, and which of these are wanted.
struct Axis {
  double start = 0, length = 0;       ///< of the input, in pixels; need not be whole numbers
  std::int64_t first = 0, end = 0;    ///< the input pixels that may be read
  std::int64_t to = 0;                ///< output pixels
  std::int64_t begin = 0, count = 0;  ///< those of them that are wanted
};

/// The whole of `from` pixels made `to`.
Axis full_axis(std::int64_t from, std::int64_t to);

/// How finely the weights of a resize are held.
enum class WeightSteps {
  Pillow,  ///< in 2^-22, to Pillow's bits
  Coarse,  ///< in 2^-14, for half the multiplications: a value may come out one level higher or lower
};

/// For each wanted output position the run of input positions it reads and their weights: those of
/// Pillow 9.4.0, in fixed point with `kWeightBits` bits, the kernel as wide as the reduction.
struct Taps {
  std::vector<std::int64_t> first, count;
  std::vector<std::int32_t> weights;  ///< `most` for each output position, those beyond `count` 0
  /// The same as 16-bit numbers for multiply-and-add instructions: of each four weights a, b, c, d
  /// the upper parts of a and b, their lower kLowBits bits, and so for c and d.
  std::vector<std::int16_t> split;
  std::int64_t most = 0;  ///< a multiple of 4
  bool coarse = false;    ///< the lower parts are 0
  bool copies = false;    ///< every output is the input at the same distance from the first

  std::int64_t size() const { return static_cast<std::int64_t>(first.size()); }
  const std::int32_t* weights_of(std::int64_t position) const { return weights.data() + position * most; }
  const std::int16_t* split_of(std::int64_t position) const { return split.data() + position * most * 2; }
  /// The input positions that are read lie in begin() .. end() - 1.
  std::int64_t begin() const { return first.front(); }
  std::int64_t end() const { return first.back() + count.back(); }
};

// Two bits of headroom for the overshoot of bicubic weights, eight for the pixel.
constexpr int kWeightBits = 32 - 8 - 2;
// What a weight has more than WeightSteps::Coarse; the others are 14 and a sign.
constexpr int kLowBits = 8;

Taps make_taps(const Axis& axis, Interpolation interpolation, WeightSteps steps = WeightSteps::Pillow);

}  // namespace mlrun::data
