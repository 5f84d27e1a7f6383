#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace mlrun::data {

/// A small grey version of an image, by which images that look alike are found.
struct Signature {
  static constexpr std::int64_t kWidth = 18, kHeight = 16;

  std::array<std::uint8_t, kWidth * kHeight> grey{};  ///< row by row
  std::uint64_t gradients = 0;  ///< dHash: 64 bits, whether a 9 x 8 version grows brighter to the right
};

/// The gradients of `grey`: each bit says whether one of 8 x 8 places is darker than its right neighbour,
/// in the 9 x 8 version that averages 2 x 2 values.
std::uint64_t gradient_hash(const std::array<std::uint8_t, Signature::kWidth * Signature::kHeight>& grey);

/// Pearson's correlation of the grey values, -1 .. 1; of two flat images 1 where they are equally bright, else 0.
double similarity(const Signature& a, const Signature& b);

/// Two images that look alike: `a` < `b`.
struct LikePair {
  std::int64_t a = 0, b = 0;
  int distance = 0;       ///< gradients that differ, of 64
  double similarity = 0;  ///< of the grey versions
};

/// What is compared: the signature, a number for each content (equal for the same bytes) and one for each split.
struct LikeItem {
  Signature signature;
  std::int64_t content = 0;
  int split = 0;
};

struct LikeOptions {
  int distance = 4;          ///< most gradients that may differ, 0 .. 11
  double similarity = 0.99;  ///< least correlation of the grey versions
  int threads = 1;
};

/// For each item, the earlier one of another split that is most like it, and the earlier one of its own
/// split, where there are any within the limits; items of equal content are no such pairs. Sorted by (b, a).
/// Multi-index hashing (Norouzi, Punjani, Fleet, CVPR 2012) over four parts of 16 bits.
std::vector<LikePair> find_alike(const std::vector<LikeItem>& items, const LikeOptions& options);

}  // namespace mlrun::data
