#include "data/transforms/auto_augment.h"

namespace mlrun::data {
namespace {

class AutoAugment : public Policy {
 public:
  AutoAugment(const std::string& policy, Resampling resampling)
      : Policy(std::move(resampling)), policy_(auto_augment_policy(policy)) {}

 private:
  std::vector<AugmentStep> draw(ImageSize size, KeyedRandom& random) const override {
    AutoAugmentDraw drawn;
    drawn.sub_policy = random.below(policy_.size());
    for (double& probability : drawn.probabilities) probability = random.uniform();
    for (bool& positive : drawn.positive) positive = random.below(2) == 1;
    return auto_augment_steps(policy_, drawn, size);
  }

  const std::vector<SubPolicy>& policy_;
};

}  // namespace

std::vector<AugmentStep> auto_augment_steps(const std::vector<SubPolicy>& policy, const AutoAugmentDraw& draw,
                                            ImageSize size) {
  constexpr std::int64_t kBins = 10;
  std::vector<AugmentStep> steps;
  for (std::size_t i = 0; i < 2; ++i) {
    const PolicyOp& chosen = policy.at(draw.sub_policy)[i];
    if (draw.probabilities[i] > chosen.probability) continue;
    const bool negative = is_signed(chosen.op) && !draw.positive[i];
    const double strength =
        chosen.bin < 0 ? 0 : magnitude(MagnitudeSpace{}, chosen.op, chosen.bin, kBins, size, negative);
    steps.push_back({chosen.op, strength});
  }
  return steps;
}

void AutoAugmentOptions::declare(config::Declare<AutoAugmentOptions>& d) {
  d("policy", &AutoAugmentOptions::policy, "data set that the 25 sub-policies were found for")
      .choices(auto_augment_policies());
  declare_resampling(d);
}

std::unique_ptr<Transform> make_auto_augment(const AutoAugmentOptions& options, const TransformContext& context) {
  return std::make_unique<AutoAugment>(options.policy, resampling_of(options, context));
}

}  // namespace mlrun::data
