#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/registry.h"
#include "data/sources/source.h"

namespace mlrun::data {

/// Says which samples an epoch takes, and in what order.
class Sampler {
 public:
  virtual ~Sampler() = default;
  /// Samples of an epoch, repeated ones counted each time.
  virtual std::int64_t size() const = 0;
  /// `size()` positions in the training split; every random choice is keyed by (seed, epoch).
  virtual std::vector<std::int64_t> order(std::uint64_t seed, std::int64_t epoch) const = 0;
};

/// What a sampler chooses from.
struct SamplerRequest {
  std::shared_ptr<const Source> source;
  std::vector<std::string> classes;  ///< by label
};

using SamplerFactory = config::Factory<std::unique_ptr<Sampler>(const SamplerRequest&)>;

/// `class_balanced`, `repeated_augmentation`, `sequential`, `shuffle`, `weighted`. They look at labels and ids
/// (`Source::facts`), never at images.
const SamplerFactory& samplers();

/// How often each sample of `order` came before in it: `SampleKey::draw`.
std::vector<std::int32_t> draw_numbers(const std::vector<std::int64_t>& order);

}  // namespace mlrun::data
