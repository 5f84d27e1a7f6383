#include "data/duplicates.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <string_view>
#include <tuple>
#include <unordered_map>

#include "base/error.h"
#include "data/parallel_for.h"

namespace mlrun::data {
namespace {

constexpr int kChunks = 4;
constexpr int kChunkBits = 16;
constexpr std::size_t kKeys = std::size_t{1} << kChunkBits;
constexpr double kFlat = 1;  // standard deviation, of 255, below which an image has no structure
constexpr double kSameBrightness = 2;
constexpr std::size_t kMostTwins = 2;  // items of one signature and split that are looked up

std::uint32_t chunk_of(std::uint64_t gradients, int chunk) {
  return static_cast<std::uint32_t>(gradients >> (kChunkBits * chunk) & (kKeys - 1));
}

int bits_set(std::uint64_t value) { return __builtin_popcountll(value); }

/// All 16-bit masks with at most `most` bits set.
std::vector<std::uint32_t> near_masks(int most) {
  std::vector<std::uint32_t> masks;
  for (std::uint32_t mask = 0; mask < kKeys; ++mask) {
    if (bits_set(mask) <= most) masks.push_back(mask);
  }
  return masks;
}

/// Items by the values of one chunk of their gradients.
struct ChunkIndex {
  std::vector<std::uint32_t> begin;  // for each key, where its items begin
  std::vector<std::uint32_t> items;  // ascending for each key
};

ChunkIndex index_chunk(const std::vector<LikeItem>& items, const std::vector<std::uint32_t>& chosen, int chunk) {
  ChunkIndex index;
  index.begin.assign(kKeys + 1, 0);
  const auto key = [&](std::uint32_t at) { return chunk_of(items[at].signature.gradients, chunk); };
  for (const auto at : chosen) ++index.begin[key(at) + 1];
  for (std::size_t k = 0; k < kKeys; ++k) index.begin[k + 1] += index.begin[k];
  index.items.resize(chosen.size());
  auto next = index.begin;
  for (const auto at : chosen) index.items[next[key(at)]++] = at;
  return index;
}

/// Mean and norm of the differences from it.
struct GreyMoments {
  double mean = 0, norm = 0;
};

GreyMoments moments_of(const Signature& signature) {
  GreyMoments moments;
  for (const auto value : signature.grey) moments.mean += value;
  moments.mean /= static_cast<double>(signature.grey.size());
  for (const auto value : signature.grey) moments.norm += (value - moments.mean) * (value - moments.mean);
  moments.norm = std::sqrt(moments.norm);
  return moments;
}

double correlation(const Signature& a, const GreyMoments& of_a, const Signature& b, const GreyMoments& of_b) {
  const double count = static_cast<double>(a.grey.size());
  const double flat = kFlat * std::sqrt(count);
  if (of_a.norm < flat || of_b.norm < flat) {
    const bool alike = of_a.norm < flat && of_b.norm < flat && std::abs(of_a.mean - of_b.mean) <= kSameBrightness;
    return alike ? 1 : 0;
  }
  std::int64_t products = 0;
  for (std::size_t i = 0; i < a.grey.size(); ++i) products += std::int64_t{a.grey[i]} * b.grey[i];
  return (static_cast<double>(products) - count * of_a.mean * of_b.mean) / (of_a.norm * of_b.norm);
}

/// Many images with one signature (as black frames) would all be compared with one another: of each
/// signature the first few of a split stand for the rest.
std::vector<std::uint32_t> standing_for_all(const std::vector<LikeItem>& items) {
  struct Twins {
    std::array<std::vector<std::int64_t>, 3> contents;  // by split
  };
  std::unordered_map<std::string_view, Twins> seen;
  std::vector<std::uint32_t> chosen;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const auto& grey = items[i].signature.grey;
    auto& twins = seen[{reinterpret_cast<const char*>(grey.data()), grey.size()}].contents.at(
        static_cast<std::size_t>(items[i].split));
    const bool known = std::find(twins.begin(), twins.end(), items[i].content) != twins.end();
    if (known || twins.size() == kMostTwins) continue;
    twins.push_back(items[i].content);
    chosen.push_back(static_cast<std::uint32_t>(i));
  }
  return chosen;
}

class LikeSearch {
 public:
  LikeSearch(const std::vector<LikeItem>& items, const LikeOptions& options)
      : items_(items), options_(options), masks_(near_masks(options.distance / kChunks)) {
    const auto chosen = standing_for_all(items);
    for (int chunk = 0; chunk < kChunks; ++chunk)
      indices_[static_cast<std::size_t>(chunk)] = index_chunk(items, chosen, chunk);
    for (const auto& item : items) moments_.push_back(moments_of(item.signature));
  }

  /// The best earlier items of other splits and of the same.
  std::array<std::optional<LikePair>, 2> nearest(std::uint32_t at) const {
    std::array<std::optional<LikePair>, 2> best;
    for (int chunk = 0; chunk < kChunks; ++chunk) {
      const ChunkIndex& index = indices_[static_cast<std::size_t>(chunk)];
      const std::uint32_t key = chunk_of(items_[at].signature.gradients, chunk);
      for (const auto mask : masks_) {
        const std::uint32_t near = key ^ mask;
        for (std::uint32_t i = index.begin[near]; i < index.begin[near + 1] && index.items[i] < at; ++i) {
          compare(index.items[i], at, best);
        }
      }
    }
    return best;
  }

 private:
  void compare(std::uint32_t earlier, std::uint32_t at, std::array<std::optional<LikePair>, 2>& best) const {
    const LikeItem &a = items_[earlier], &b = items_[at];
    const int distance = bits_set(a.signature.gradients ^ b.signature.gradients);
    auto& found = best[a.split == b.split ? 1 : 0];
    if (distance > (found ? found->distance : options_.distance) || a.content == b.content) return;
    const double like = correlation(a.signature, moments_[earlier], b.signature, moments_[at]);
    if (like < options_.similarity) return;
    const LikePair pair{earlier, at, distance, like};
    const auto rank = [](const LikePair& p) { return std::make_tuple(p.distance, -p.similarity, p.a); };
    if (!found || rank(pair) < rank(*found)) found = pair;
  }

  const std::vector<LikeItem>& items_;
  LikeOptions options_;
  std::vector<std::uint32_t> masks_;
  std::array<ChunkIndex, kChunks> indices_;
  std::vector<GreyMoments> moments_;
};

}  // namespace

std::uint64_t gradient_hash(const std::array<std::uint8_t, Signature::kWidth * Signature::kHeight>& grey) {
  const auto block = [&](std::int64_t y, std::int64_t x) {  // four times the average
    const auto at = [&](std::int64_t dy, std::int64_t dx) {
      return int{grey[static_cast<std::size_t>((2 * y + dy) * Signature::kWidth + 2 * x + dx)]};
    };
    return at(0, 0) + at(0, 1) + at(1, 0) + at(1, 1);
  };
  std::uint64_t bits = 0;
  for (std::int64_t y = 0; y < Signature::kHeight / 2; ++y) {
    for (std::int64_t x = 0; x + 1 < Signature::kWidth / 2; ++x) {
      bits = bits << 1 | (block(y, x) < block(y, x + 1) ? 1U : 0U);
    }
  }
  return bits;
}

double similarity(const Signature& a, const Signature& b) { return correlation(a, moments_of(a), b, moments_of(b)); }

std::vector<LikePair> find_alike(const std::vector<LikeItem>& items, const LikeOptions& options) {
  MLRUN_ASSERT(options.distance >= 0 && options.distance < 3 * kChunks, "no such distance");
  const LikeSearch search(items, options);
  std::vector<std::array<std::optional<LikePair>, 2>> found(items.size());
  parallel_for(static_cast<std::int64_t>(items.size()), options.threads, [&](std::int64_t i) {
    found[static_cast<std::size_t>(i)] = search.nearest(static_cast<std::uint32_t>(i));
  });
  std::vector<LikePair> pairs;
  for (const auto& both : found) {
    for (const auto& pair : both) {
      if (pair) pairs.push_back(*pair);
    }
  }
  std::sort(pairs.begin(), pairs.end(),
            [](const LikePair& x, const LikePair& y) { return std::tie(x.b, x.a) < std::tie(y.b, y.a); });
  return pairs;
}

}  // namespace mlrun::data
