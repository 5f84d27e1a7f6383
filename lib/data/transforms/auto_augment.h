#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "data/transforms/augment_ops.h"

namespace mlrun::data {

/// An operator of a sub-policy.
struct PolicyOp {
  AugmentOp op;
  double probability;
  int bin;  ///< of 10 magnitudes; -1: none
};
using SubPolicy = std::array<PolicyOp, 2>;

/// `imagenet`, `cifar10`, `svhn`.
const std::vector<std::string>& auto_augment_policies();
/// The 25 sub-policies of one of them (Cubuk et al., "AutoAugment", 2019, as torchvision lists them).
const std::vector<SubPolicy>& auto_augment_policy(const std::string& name);

/// What is drawn for an image.
struct AutoAugmentDraw {
  std::size_t sub_policy = 0;
  std::array<double, 2> probabilities{};  ///< 0..1: an operator is applied where its own is not below it
  std::array<bool, 2> positive{};         ///< the sign, for operators that have one
};
std::vector<AugmentStep> auto_augment_steps(const std::vector<SubPolicy>& policy, const AutoAugmentDraw& draw,
                                            ImageSize size);

struct AutoAugmentOptions : ResamplingOptions {
  std::string policy = "imagenet";
  static void declare(config::Declare<AutoAugmentOptions>& d);
};
/// Draws the sub-policy, two probabilities, two signs.
std::unique_ptr<Transform> make_auto_augment(const AutoAugmentOptions& options, const TransformContext& context);

}  // namespace mlrun::data
