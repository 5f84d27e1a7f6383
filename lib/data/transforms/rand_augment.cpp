#include "data/transforms/rand_augment.h"

namespace mlrun::data {
namespace {

AugmentOp draw_op(KeyedRandom& random) {
  const auto& ops = rand_augment_ops();
  return ops[random.below(ops.size())];
}

bool draw_sign(AugmentOp op, KeyedRandom& random) { return is_signed(op) && random.below(2) == 1; }

class RandAugment : public Policy {
 public:
  RandAugment(const RandAugmentOptions& options, Resampling resampling)
      : Policy(std::move(resampling)), options_(options) {}

 private:
  std::vector<AugmentStep> draw(ImageSize size, KeyedRandom& random) const override {
    std::vector<AugmentStep> steps;
    for (std::int64_t i = 0; i < options_.num_ops; ++i) {
      const AugmentOp op = draw_op(random);
      const bool negative = draw_sign(op, random);
      steps.push_back(
          {op, magnitude(MagnitudeSpace{}, op, options_.magnitude, options_.num_magnitude_bins, size, negative)});
    }
    return steps;
  }

  RandAugmentOptions options_;
};

class TrivialAugmentWide : public Policy {
 public:
  TrivialAugmentWide(std::int64_t bins, Resampling resampling) : Policy(std::move(resampling)), bins_(bins) {}

 private:
  std::vector<AugmentStep> draw(ImageSize size, KeyedRandom& random) const override {
    const AugmentOp op = draw_op(random);
    const std::uint64_t bin = has_magnitude(op) ? random.below(static_cast<std::uint64_t>(bins_)) : 0;
    const bool negative = draw_sign(op, random);
    return {{op, magnitude(wide_magnitudes(), op, static_cast<std::int64_t>(bin), bins_, size, negative)}};
  }

  std::int64_t bins_;
};

}  // namespace

const std::vector<AugmentOp>& rand_augment_ops() {
  using Op = AugmentOp;
  static const std::vector<Op> ops = {Op::Identity,  Op::ShearX,     Op::ShearY,       Op::TranslateX, Op::TranslateY,
                                      Op::Rotate,    Op::Brightness, Op::Color,        Op::Contrast,   Op::Sharpness,
                                      Op::Posterize, Op::Solarize,   Op::AutoContrast, Op::Equalize};
  return ops;
}

MagnitudeSpace wide_magnitudes() {
  MagnitudeSpace space;
  space.shear = space.enhance = 0.99;
  space.translate_pixels = 32;
  space.rotate = 135;
  space.posterize_range = 6;
  return space;
}

void RandAugmentOptions::declare(config::Declare<RandAugmentOptions>& d) {
  d("num_ops", &RandAugmentOptions::num_ops, "operators applied, one after the other").min(0);
  d("magnitude", &RandAugmentOptions::magnitude, "strength of all of them, below num_magnitude_bins").min(0);
  d("num_magnitude_bins", &RandAugmentOptions::num_magnitude_bins, "number of strengths there are").min(2);
  declare_resampling(d);
  d.rule("magnitude", [](const RandAugmentOptions& o) -> std::string {
    return o.magnitude < o.num_magnitude_bins ? "" : "must be below num_magnitude_bins";
  });
}

std::unique_ptr<Transform> make_rand_augment(const RandAugmentOptions& options, const TransformContext& context) {
  return std::make_unique<RandAugment>(options, resampling_of(options, context));
}

void TrivialAugmentWideOptions::declare(config::Declare<TrivialAugmentWideOptions>& d) {
  d("num_magnitude_bins", &TrivialAugmentWideOptions::num_magnitude_bins, "number of strengths to draw from").min(2);
  declare_resampling(d);
}

std::unique_ptr<Transform> make_trivial_augment_wide(const TrivialAugmentWideOptions& options,
                                                     const TransformContext& context) {
  return std::make_unique<TrivialAugmentWide>(options.num_magnitude_bins, resampling_of(options, context));
}

}  // namespace mlrun::data
