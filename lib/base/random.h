#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace mlrun {

/// Random numbers that depend on a key alone, never on who drew before: the same key gives the
/// same stream in any thread, in any order and after any resume. Philox4x32-10 (Salmon et al.,
/// "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
class KeyedRandom {
 public:
  /// `purpose` separates streams that share numbers ("augment", "shuffle", ...).
  KeyedRandom(std::uint64_t seed, std::string_view purpose, std::uint64_t a = 0, std::uint64_t b = 0);

  std::uint32_t bits32();
  std::uint64_t bits64();
  /// Uniform in [0, 1), 53 bits.
  double uniform();
  /// Uniform in [low, high).
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  /// Uniform integer in [0, bound), unbiased; `bound` must be positive.
  std::uint64_t below(std::uint64_t bound);
  bool chance(double probability) { return uniform() < probability; }

 private:
  void refill();

  std::uint32_t key_[2];
  std::uint32_t counter_[4];
  std::uint32_t block_[4];
  int used_ = 4;
};

/// A stable 64-bit hash of text (FNV-1a followed by a mixer).
std::uint64_t stable_hash(std::string_view text);

/// 0 .. n-1 in an order drawn from `random` (Fisher-Yates).
std::vector<std::int64_t> permutation(std::int64_t n, KeyedRandom random);

}  // namespace mlrun
