#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "config/options.h"
#include "data/sampler.h"

namespace mlrun::data {

struct WeightedOptions {
  std::vector<double> weights;                ///< of each class
  std::optional<std::filesystem::path> file;  ///< a weight for each sample
  std::optional<std::int64_t> samples;
  static void declare(config::Declare<WeightedOptions>& d);
};

struct ClassBalancedOptions {
  std::optional<std::int64_t> samples;
  static void declare(config::Declare<ClassBalancedOptions>& d);
};

/// Draws with replacement, each sample with a chance in proportion to its weight, as torch.utils.data's
/// WeightedRandomSampler. UserError for classes, samples and weights that do not fit together.
std::unique_ptr<Sampler> make_weighted(const WeightedOptions& options, const SamplerRequest& request);

/// The same with one over the size of its class as each sample's weight: every class that has samples is as likely as
/// the others.
std::unique_ptr<Sampler> make_class_balanced(const ClassBalancedOptions& options, const SamplerRequest& request);

}  // namespace mlrun::data
