#include "base/random.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <set>
#include <string>

#include "support.h"

using namespace mlrun;

namespace {

std::vector<std::uint64_t> draws(KeyedRandom random, int n) {
  std::vector<std::uint64_t> out;
  for (int i = 0; i < n; ++i) out.push_back(random.bits64());
  return out;
}

/// Chi-square of observed counts against equal expected ones.
double chi_square(const std::vector<std::int64_t>& counts) {
  double total = 0, sum = 0;
  for (const auto count : counts) total += static_cast<double>(count);
  const double expected = total / static_cast<double>(counts.size());
  for (const auto count : counts)
    sum += (static_cast<double>(count) - expected) * (static_cast<double>(count) - expected);
  return sum / expected;
}

/// The value that chi-square with so many degrees of freedom exceeds once in 10,000 times
/// (Wilson-Hilferty). The streams are fixed, so a test that passes always passes.
double chi_square_limit(std::size_t bins) {
  const double k = static_cast<double>(bins - 1);
  return k * std::pow(1 - 2 / (9 * k) + 3.719 * std::sqrt(2 / (9 * k)), 3);
}

double correlation(const std::vector<double>& x, const std::vector<double>& y) {
  double xy = 0, xx = 0, yy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    xy += (x[i] - 0.5) * (y[i] - 0.5);
    xx += (x[i] - 0.5) * (x[i] - 0.5);
    yy += (y[i] - 0.5) * (y[i] - 0.5);
  }
  return xy / std::sqrt(xx * yy);
}

}  // namespace

TEST_CASE("the same key gives the same stream, whoever else draws", "[base]") {
  KeyedRandom other(7, "augment", 3, 12);
  const auto expected = draws(KeyedRandom(7, "augment", 3, 11), 100);
  for (int i = 0; i < 50; ++i) other.bits32();
  CHECK(draws(KeyedRandom(7, "augment", 3, 11), 100) == expected);
}

TEST_CASE("streams are the same in every version", "[base]") {
  // Frozen when first released: a change here breaks every resume and every published seed.
  KeyedRandom random(0, "augment", 1, 2);
  CHECK(random.bits32() == 2500458809u);
  CHECK(random.bits32() == 2088343960u);
  CHECK(KeyedRandom(123456789, "shuffle").bits64() == 10874929441240275070u);
  CHECK(stable_hash("mlrun") == 9346019343180145162u);
  CHECK(permutation(8, KeyedRandom(0, "shuffle", 1)) == std::vector<std::int64_t>{5, 3, 7, 0, 1, 4, 6, 2});
}

TEST_CASE("every part of the key changes the stream", "[base]") {
  std::set<std::vector<std::uint64_t>> streams;
  std::size_t made = 0;
  for (std::uint64_t seed : {0u, 1u, 2u}) {
    for (const char* purpose : {"augment", "shuffle", ""}) {
      for (std::uint64_t a = 0; a < 10; ++a) {
        for (std::uint64_t b = 0; b < 10; ++b, ++made) streams.insert(draws(KeyedRandom(seed, purpose, a, b), 2));
      }
    }
  }
  CHECK(streams.size() == made);
}

TEST_CASE("the two numbers of a key do not stand for one another", "[base]") {
  CHECK(draws(KeyedRandom(0, "x", 1, 2), 4) != draws(KeyedRandom(0, "x", 2, 1), 4));
  CHECK(draws(KeyedRandom(1, "x", 0, 0), 4) != draws(KeyedRandom(0, "x", 1, 0), 4));
}

TEST_CASE("uniform numbers lie in [0, 1), fill it evenly and have the right moments", "[base]") {
  KeyedRandom random(0, "uniform");
  std::vector<std::int64_t> counts(100);
  double sum = 0, squares = 0;
  const int n = 200000;
  int outside = 0;
  for (int i = 0; i < n; ++i) {
    const double x = random.uniform();
    outside += x < 0 || x >= 1;
    ++counts[static_cast<std::size_t>(x * 100) % 100];
    sum += x;
    squares += x * x;
  }
  CHECK(outside == 0);
  CHECK(chi_square(counts) < chi_square_limit(counts.size()));
  CHECK(std::abs(sum / n - 0.5) < 4 * std::sqrt(1.0 / 12 / n));
  CHECK(std::abs(squares / n - 1.0 / 3) < 4 * std::sqrt(4.0 / 45 / n));
}

TEST_CASE("a uniform range is respected", "[base]") {
  KeyedRandom random(1, "range");
  double lowest = 10, highest = -10;
  for (int i = 0; i < 10000; ++i) {
    const double x = random.uniform(-3, 5);
    lowest = std::min(lowest, x);
    highest = std::max(highest, x);
  }
  CHECK(lowest >= -3);
  CHECK(lowest < -2.98);
  CHECK(highest < 5);
  CHECK(highest > 4.98);
}

TEST_CASE("first draws of neighbouring keys are uniform: one sample draws from each", "[base]") {
  std::vector<std::int64_t> counts(64);
  for (std::uint64_t sample = 0; sample < 64000; ++sample)
    ++counts[KeyedRandom(0, "augment", 5, sample).bits32() >> 26];
  CHECK(chi_square(counts) < chi_square_limit(counts.size()));
}

TEST_CASE("neighbouring keys are uncorrelated", "[base]") {
  const std::size_t n = 20000;
  std::vector<double> here(n), next_sample(n), next_epoch(n), next_seed(n);
  for (std::size_t i = 0; i < n; ++i) {
    here[i] = KeyedRandom(0, "augment", 1, i).uniform();
    next_sample[i] = KeyedRandom(0, "augment", 1, i + 1).uniform();
    next_epoch[i] = KeyedRandom(0, "augment", 2, i).uniform();
    next_seed[i] = KeyedRandom(1, "augment", 1, i).uniform();
  }
  const double limit = 4 / std::sqrt(static_cast<double>(n));
  CHECK(std::abs(correlation(here, next_sample)) < limit);
  CHECK(std::abs(correlation(here, next_epoch)) < limit);
  CHECK(std::abs(correlation(here, next_seed)) < limit);
}

TEST_CASE("every bit is set half of the time", "[base]") {
  KeyedRandom random(2, "bits");
  std::array<int, 64> set{};
  const int n = 20000;
  for (int i = 0; i < n; ++i) {
    const std::uint64_t value = random.bits64();
    for (int bit = 0; bit < 64; ++bit) set[static_cast<std::size_t>(bit)] += static_cast<int>(value >> bit & 1);
  }
  const auto [least, most] = std::minmax_element(set.begin(), set.end());
  CHECK(*least > n / 2 - 5 * std::sqrt(n) / 2);
  CHECK(*most < n / 2 + 5 * std::sqrt(n) / 2);
}

TEST_CASE("integers below a bound are unbiased", "[base]") {
  for (const std::uint64_t bound : {1u, 2u, 3u, 7u, 10u, 100u}) {
    KeyedRandom random(3, "below", bound);
    std::vector<std::int64_t> counts(bound);
    int outside = 0;
    for (std::uint64_t i = 0; i < 2000 * bound; ++i) {
      const auto value = random.below(bound);
      outside += value >= bound;
      ++counts[value % bound];
    }
    CHECK(outside == 0);
    if (bound > 1) CHECK(chi_square(counts) < chi_square_limit(counts.size()));
  }
}

TEST_CASE("integers below a bound near 2^64 stay below it", "[base]") {
  KeyedRandom random(4, "below");
  const std::uint64_t bound = (1ULL << 63) + 1;
  int outside = 0, upper = 0;
  for (int i = 0; i < 1000; ++i) {
    const auto value = random.below(bound);
    outside += value >= bound;
    upper += value > bound / 2;
  }
  CHECK(outside == 0);
  CHECK(std::abs(upper - 500) < 4 * std::sqrt(1000.0) / 2);
}

TEST_CASE("chance follows its probability", "[base]") {
  KeyedRandom random(5, "chance");
  int hits = 0, never = 0, always = 0;
  for (int i = 0; i < 10000; ++i) {
    hits += random.chance(0.3);
    never += random.chance(0);
    always += random.chance(1);
  }
  CHECK(std::abs(hits - 3000) < 4 * std::sqrt(10000 * 0.3 * 0.7));
  CHECK(never == 0);
  CHECK(always == 10000);
}

TEST_CASE("a permutation holds every number once and depends on its key", "[base]") {
  auto order = permutation(1000, KeyedRandom(0, "shuffle", 1));
  CHECK(permutation(1000, KeyedRandom(0, "shuffle", 1)) == order);
  CHECK(permutation(1000, KeyedRandom(0, "shuffle", 2)) != order);
  std::sort(order.begin(), order.end());
  std::vector<std::int64_t> ascending(1000);
  std::iota(ascending.begin(), ascending.end(), 0);
  CHECK(order == ascending);
  CHECK(permutation(0, KeyedRandom(0, "shuffle")).empty());
  CHECK(permutation(1, KeyedRandom(0, "shuffle")) == std::vector<std::int64_t>{0});
}

TEST_CASE("all orders of four are equally likely", "[base]") {
  std::vector<std::int64_t> counts(256);
  for (std::uint64_t epoch = 0; epoch < 24000; ++epoch) {
    const auto order = permutation(4, KeyedRandom(0, "shuffle", epoch));
    ++counts[static_cast<std::size_t>(order[0] * 64 + order[1] * 16 + order[2] * 4 + order[3])];
  }
  counts.erase(std::remove(counts.begin(), counts.end(), 0), counts.end());
  REQUIRE(counts.size() == 24);
  CHECK(chi_square(counts) < chi_square_limit(24));
}

TEST_CASE("texts that differ a little hash far apart", "[base]") {
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 10000; ++i) seen.insert(stable_hash("sample-" + std::to_string(i)));
  CHECK(seen.size() == 10000);
  CHECK(stable_hash("") != stable_hash(std::string(1, '\0')));
}
