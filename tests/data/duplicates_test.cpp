#include "data/duplicates.h"

#include <algorithm>

#include "base/random.h"
#include "support.h"

namespace mlrun::data {
namespace {

/// Smooth noise, as of a picture.
Signature picture(std::uint64_t seed, int brighter = 0) {
  Signature signature;
  KeyedRandom random(seed, "picture");
  for (std::size_t i = 0; i < signature.grey.size(); ++i) {
    const bool block = (i / Signature::kWidth) % 2 == 1 || i % 2 == 1;
    const std::size_t from = i / Signature::kWidth % 2 == 1 ? i - Signature::kWidth : i - 1;
    signature.grey[i] = block && i > 0 ? signature.grey[from] : static_cast<std::uint8_t>(random.below(200));
  }
  for (auto& value : signature.grey) value = static_cast<std::uint8_t>(value + brighter);
  signature.gradients = gradient_hash(signature.grey);
  return signature;
}

Signature flat(std::uint8_t value) {
  Signature signature;
  signature.grey.fill(value);
  return signature;
}

}  // namespace

TEST_CASE("gradients say where a picture grows brighter", "[data][duplicates]") {
  Signature signature;
  for (std::size_t i = 0; i < signature.grey.size(); ++i)
    signature.grey[i] = static_cast<std::uint8_t>(i % Signature::kWidth);
  REQUIRE(gradient_hash(signature.grey) == ~std::uint64_t{0});
  std::reverse(signature.grey.begin(), signature.grey.end());
  REQUIRE(gradient_hash(signature.grey) == 0);
  signature.grey.fill(0);
  signature.grey[2] = 9;  // second block of the first row, brighter than the first
  REQUIRE(gradient_hash(signature.grey) == std::uint64_t{1} << 63);
}

TEST_CASE("similarity is the correlation, and flat images are told by brightness", "[data][duplicates]") {
  REQUIRE(similarity(picture(1), picture(1)) == Approx(1));
  REQUIRE(similarity(picture(1), picture(1, 40)) == Approx(1));
  REQUIRE(similarity(picture(1), picture(2)) < 0.5);
  REQUIRE(similarity(flat(7), flat(8)) == 1);
  REQUIRE(similarity(flat(7), flat(20)) == 0);
  REQUIRE(similarity(flat(7), picture(1)) == 0);
}

TEST_CASE("pictures that look alike are found across and within splits", "[data][duplicates]") {
  std::vector<LikeItem> items;
  for (std::int64_t i = 0; i < 500; ++i) items.push_back({picture(static_cast<std::uint64_t>(i)), i, 0});
  Signature changed = picture(123, 5);
  changed.grey[40] = static_cast<std::uint8_t>(changed.grey[40] / 2 + 20);
  changed.gradients = gradient_hash(changed.grey);
  items.push_back({changed, 500, 2});
  items.push_back({picture(123, 9), 501, 2});
  items.push_back({picture(7), 7, 2});  // the same content: no such pair
  const auto pairs = find_alike(items, {});
  REQUIRE(pairs.size() == 3);
  REQUIRE(pairs[0].a == 123);
  REQUIRE(pairs[0].b == 500);
  REQUIRE(pairs[0].similarity > 0.985);
  REQUIRE(pairs[1].a == 123);
  REQUIRE(pairs[1].b == 501);
  REQUIRE(pairs[1].distance == 0);
  REQUIRE(pairs[2].a == 500);
  REQUIRE(pairs[2].b == 501);
  REQUIRE(find_alike(items, {0, 0.985, 1}).size() == 1 + (pairs[0].distance == 0 ? 2 : 0));
}

TEST_CASE("the search finds what comparing all pairs finds", "[data][duplicates]") {
  KeyedRandom random(5, "test");
  std::vector<LikeItem> items;
  for (std::int64_t i = 0; i < 300; ++i) {
    Signature signature = picture(static_cast<std::uint64_t>(i % 60));
    for (std::uint64_t flip = random.below(12); flip > 0; --flip)
      signature.gradients ^= std::uint64_t{1} << random.below(64);
    items.push_back({signature, i, static_cast<int>(i % 3)});
    items.back().signature.grey[0] = static_cast<std::uint8_t>(i % 7);  // none stands for another
  }
  for (const int most : {0, 3, 5, 11}) {
    std::vector<std::pair<std::int64_t, int>> expected, found;  // later item and the least distance, by kind
    for (std::int64_t b = 0; b < 300; ++b) {
      for (const bool across : {true, false}) {
        int least = 65;
        for (std::int64_t a = 0; a < b; ++a) {
          const auto &x = items[static_cast<std::size_t>(a)], &y = items[static_cast<std::size_t>(b)];
          if ((x.split != y.split) != across || similarity(x.signature, y.signature) < 0.9) continue;
          least = std::min(least, __builtin_popcountll(x.signature.gradients ^ y.signature.gradients));
        }
        if (least <= most) expected.emplace_back(b, least);
      }
    }
    for (const auto& pair : find_alike(items, {most, 0.9, 3})) found.emplace_back(pair.b, pair.distance);
    std::sort(expected.begin(), expected.end());
    std::sort(found.begin(), found.end());
    REQUIRE(found == expected);
  }
}

TEST_CASE("thousands of equal frames take no time", "[data][duplicates]") {
  std::vector<LikeItem> items;
  for (std::int64_t i = 0; i < 50000; ++i) items.push_back({flat(0), i, static_cast<int>(i % 2)});
  REQUIRE(find_alike(items, {}).size() == 2 * 50000 - 3);
}

}  // namespace mlrun::data
