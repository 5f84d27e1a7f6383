#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "config/registry.h"
#include "data/sources/source.h"

namespace mlrun::data {

/// The steps of an epoch, one after another: samples, as positions in the split, and where each step ends.
struct Steps {
  std::vector<std::int64_t> samples;
  std::vector<std::int64_t> ends;  ///< in `samples`; the last is its size

  std::int64_t begin(std::size_t step) const { return step == 0 ? 0 : ends[step - 1]; }
};

/// Says which samples of an epoch make a step. An epoch has as many steps as any other, so that schedules know their
/// length, and the same whenever it is asked for: a resumed run finds it again.
class Batching {
 public:
  virtual ~Batching() = default;
  /// Of an epoch.
  virtual std::int64_t steps() const = 0;
  /// The samples of a sampler's order as steps; all that is random is keyed by (seed, epoch).
  virtual Steps put_together(const std::vector<std::int64_t>& order, std::uint64_t seed, std::int64_t epoch) const = 0;
};

struct BatchingRequest {
  std::shared_ptr<const Source> source;
  std::int64_t drawn = 0;       ///< samples that the sampler draws in an epoch
  std::int64_t batch_size = 0;  ///< samples of a step, at most
  bool drop_last = false;       ///< without the samples that are left when steps are full
};

/// The batching that recipes have where they name none.
inline constexpr const char* kInOrder = "in_order";

using BatchingFactory = config::Factory<std::unique_ptr<Batching>(const BatchingRequest&)>;

/// `in_order`, `aspect_ratio`, `length`, `tokens`. UserError where the source does not know what they go by
/// (`SampleFacts::height` and `width`, `SampleFacts::length`).
const BatchingFactory& batchings();

/// torchvision's bins: the group of a height / width is how many of 2^linspace(-1, 1, 2 k + 1) it reaches (of 1 for
/// k 0).
std::int64_t aspect_group(double ratio, std::int64_t k);

}  // namespace mlrun::data
