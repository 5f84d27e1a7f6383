#include "base/random.h"

#include <numeric>
#include <utility>

namespace mlrun {
namespace {

std::uint64_t mix(std::uint64_t z) {  // splitmix64's finaliser
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

std::uint64_t combine(std::uint64_t h, std::uint64_t value) {
  return mix(h * 0x9E3779B97F4A7C15ULL + mix(value + 0x9E3779B97F4A7C15ULL));
}

void philox_round(std::uint32_t (&c)[4], const std::uint32_t (&k)[2]) {
  const std::uint64_t p0 = 0xD2511F53ULL * c[0];
  const std::uint64_t p1 = 0xCD9E8D57ULL * c[2];
  const std::uint32_t next[4] = {static_cast<std::uint32_t>(p1 >> 32) ^ c[1] ^ k[0], static_cast<std::uint32_t>(p1),
                                 static_cast<std::uint32_t>(p0 >> 32) ^ c[3] ^ k[1], static_cast<std::uint32_t>(p0)};
  for (int i = 0; i < 4; ++i) c[i] = next[i];
}

}  // namespace

std::uint64_t stable_hash(std::string_view text) {
  std::uint64_t h = 0xCBF29CE484222325ULL;
  for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
  return mix(h);
}

KeyedRandom::KeyedRandom(std::uint64_t seed, std::string_view purpose, std::uint64_t a, std::uint64_t b) {
  const std::uint64_t key = combine(mix(seed + 1), stable_hash(purpose));
  const std::uint64_t stream = combine(combine(key, a), b);
  key_[0] = static_cast<std::uint32_t>(key);
  key_[1] = static_cast<std::uint32_t>(key >> 32);
  counter_[0] = counter_[1] = 0;
  counter_[2] = static_cast<std::uint32_t>(stream);
  counter_[3] = static_cast<std::uint32_t>(stream >> 32);
}

void KeyedRandom::refill() {
  for (int i = 0; i < 4; ++i) block_[i] = counter_[i];
  std::uint32_t key[2] = {key_[0], key_[1]};
  for (int round = 0; round < 10; ++round) {
    philox_round(block_, key);
    key[0] += 0x9E3779B9U;
    key[1] += 0xBB67AE85U;
  }
  if (++counter_[0] == 0) ++counter_[1];
  used_ = 0;
}

std::uint32_t KeyedRandom::bits32() {
  if (used_ == 4) refill();
  return block_[used_++];
}

std::uint64_t KeyedRandom::bits64() {
  const std::uint64_t high = bits32();
  return (high << 32) | bits32();
}

double KeyedRandom::uniform() { return static_cast<double>(bits64() >> 11) * 0x1.0p-53; }

std::uint64_t KeyedRandom::below(std::uint64_t bound) {
  const std::uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
  std::uint64_t value = bits64();
  while (value >= limit) value = bits64();
  return value % bound;
}

std::vector<std::int64_t> permutation(std::int64_t n, KeyedRandom random) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
  return order;
}

}  // namespace mlrun
