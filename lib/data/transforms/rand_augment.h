#pragma once

#include <memory>
#include <vector>

#include "data/transforms/augment_ops.h"

namespace mlrun::data {

/// The 14 operators that rand_augment and trivial_augment_wide draw from, in torchvision's order.
const std::vector<AugmentOp>& rand_augment_ops();
/// TrivialAugmentWide's magnitudes; rand_augment has MagnitudeSpace's own.
MagnitudeSpace wide_magnitudes();

struct RandAugmentOptions : ResamplingOptions {
  std::int64_t num_ops = 2;
  std::int64_t magnitude = 9;
  std::int64_t num_magnitude_bins = 31;
  static void declare(config::Declare<RandAugmentOptions>& d);
};
/// For each of num_ops draws the operator and, where it has one, the sign (Cubuk et al., 2020).
std::unique_ptr<Transform> make_rand_augment(const RandAugmentOptions& options, const TransformContext& context);

struct TrivialAugmentWideOptions : ResamplingOptions {
  std::int64_t num_magnitude_bins = 31;
  static void declare(config::Declare<TrivialAugmentWideOptions>& d);
};
/// Draws one operator, its magnitude and its sign, where it has them (Mueller and Hutter, 2021).
std::unique_ptr<Transform> make_trivial_augment_wide(const TrivialAugmentWideOptions& options,
                                                     const TransformContext& context);

}  // namespace mlrun::data
