#include "data/transforms/augmix.h"

#include <algorithm>

#include "base/error.h"
#include "data/distributions.h"
#include "data/transforms/tensor_ops.h"

namespace mlrun::data {
namespace {

constexpr std::int64_t kBins = 10;

class AugMix : public Transform {
 public:
  AugMix(const AugMixOptions& options, Resampling resampling) : options_(options), resampling_(std::move(resampling)) {}

  torch::Tensor apply(const torch::Tensor& image, KeyedRandom& random) const override {
    const auto width = static_cast<std::size_t>(options_.mixture_width);
    const auto shares = draw_dirichlet(options_.alpha, 2, random);
    AugMixDraw draw;
    draw.image_weight = static_cast<float>(shares[0]);
    for (const double share : draw_dirichlet(options_.alpha, width, random)) {
      draw.chain_weights.push_back(static_cast<float>(share) * static_cast<float>(shares[1]));
    }
    for (std::size_t i = 0; i < width; ++i) draw.chains.push_back(draw_chain(size_of_image(image), random));
    return augmix(image, draw, resampling_);
  }

 private:
  std::vector<AugmentStep> draw_chain(ImageSize size, KeyedRandom& random) const {
    const auto& ops = augmix_ops(options_.all_ops);
    const std::int64_t depth =
        options_.chain_depth > 0 ? options_.chain_depth : 1 + static_cast<std::int64_t>(random.below(3));
    std::vector<AugmentStep> chain;
    for (std::int64_t i = 0; i < depth; ++i) {
      const AugmentOp op = ops[random.below(ops.size())];
      const std::uint64_t bin = has_magnitude(op) ? random.below(static_cast<std::uint64_t>(options_.severity)) : 0;
      const bool negative = is_signed(op) && random.below(2) == 1;
      chain.push_back({op, magnitude(augmix_magnitudes(), op, static_cast<std::int64_t>(bin), kBins, size, negative)});
    }
    return chain;
  }

  AugMixOptions options_;
  Resampling resampling_;
};

}  // namespace

const std::vector<AugmentOp>& augmix_ops(bool all_ops) {
  using Op = AugmentOp;
  static const std::vector<Op> all = {Op::ShearX,    Op::ShearY,   Op::TranslateX,   Op::TranslateY, Op::Rotate,
                                      Op::Posterize, Op::Solarize, Op::AutoContrast, Op::Equalize,   Op::Brightness,
                                      Op::Color,     Op::Contrast, Op::Sharpness};
  static const std::vector<Op> some(all.begin(), all.begin() + 9);
  return all_ops ? all : some;
}

MagnitudeSpace augmix_magnitudes() {
  MagnitudeSpace space;
  space.translate_divisor = 3;
  space.posterize_bits = 4;
  return space;
}

torch::Tensor augmix(const torch::Tensor& image, const AugMixDraw& draw, const Resampling& resampling) {
  MLRUN_ASSERT(draw.chain_weights.size() == draw.chains.size(), "each chain needs its weight");
  const auto size = static_cast<std::size_t>(image.numel());
  std::vector<float> mix(size);
  const auto* in = image.data_ptr<std::uint8_t>();
  for (std::size_t i = 0; i < size; ++i) mix[i] = draw.image_weight * static_cast<float>(in[i]);
  for (std::size_t chain = 0; chain < draw.chains.size(); ++chain) {
    torch::Tensor augmented = image;
    for (const AugmentStep& step : draw.chains[chain]) augmented = apply_tensor_step(augmented, step, resampling);
    const auto* pixels = augmented.data_ptr<std::uint8_t>();
    const float weight = draw.chain_weights[chain];
    for (std::size_t i = 0; i < size; ++i) mix[i] += weight * static_cast<float>(pixels[i]);
  }
  auto result = torch::empty_like(image);
  auto* out = result.data_ptr<std::uint8_t>();
  for (std::size_t i = 0; i < size; ++i) {
    out[i] = static_cast<std::uint8_t>(static_cast<int>(std::min(mix[i], 255.0F)));
  }
  return result;
}

void AugMixOptions::declare(config::Declare<AugMixOptions>& d) {
  d("severity", &AugMixOptions::severity, "strongest of the 10 magnitudes that is drawn").min(1).max(kBins);
  d("mixture_width", &AugMixOptions::mixture_width, "number of chains of operators that are mixed").min(1);
  d("chain_depth", &AugMixOptions::chain_depth, "operators in each chain; -1: 1 to 3, drawn").min(-1);
  d("alpha", &AugMixOptions::alpha, "of the Dirichlet distributions that the shares are drawn from").above(0);
  d("all_ops", &AugMixOptions::all_ops, "brightness, color, contrast and sharpness, too");
  d("interpolation", &AugMixOptions::interpolation, "how shears, translations and rotations interpolate")
      .choices({"nearest", "bilinear"});
  d("fill", &AugMixOptions::fill, "value outside the image that they move: one, or one per channel").min(0).max(255);
}

std::unique_ptr<Transform> make_augmix(const AugMixOptions& options, const TransformContext& context) {
  return std::make_unique<AugMix>(options, resampling_of({options.interpolation, options.fill}, context));
}

}  // namespace mlrun::data
