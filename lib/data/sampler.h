#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "config/registry.h"
#include "data/source.h"

namespace mlrun::data {

/// Says which samples an epoch takes, and in what order.
class Sampler {
 public:
  virtual ~Sampler() = default;
  /// Positions in the training split; every random choice is keyed by (seed, epoch).
  virtual std::vector<std::int64_t> order(const Source& source, std::uint64_t seed, std::int64_t epoch) const = 0;
};

using SamplerFactory = config::Factory<std::unique_ptr<Sampler>()>;

/// `shuffle`.
const SamplerFactory& samplers();

}  // namespace mlrun::data
