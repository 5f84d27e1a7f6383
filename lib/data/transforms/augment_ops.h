#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <torch/types.h>

#include "base/random.h"
#include "config/options.h"
#include "data/image/affine.h"
#include "data/transforms/image_transforms.h"
#include "data/transforms/sizes.h"

/// What AutoAugment, RandAugment, TrivialAugmentWide and AugMix draw from: torchvision 0.14.1's operators and their
/// magnitudes.
namespace mlrun::data {

enum class AugmentOp {
  Identity,
  ShearX,
  ShearY,
  TranslateX,
  TranslateY,
  Rotate,
  Brightness,
  Color,
  Contrast,
  Sharpness,
  Posterize,
  Solarize,
  AutoContrast,
  Equalize,
  Invert,
};

/// One operator with its magnitude: shear as a tangent, translation in pixels (truncated), rotation in degrees,
/// enhancement as a change of the factor 1, bits of posterize (truncated), threshold of solarize.
struct AugmentStep {
  AugmentOp op = AugmentOp::Identity;
  double magnitude = 0;
};

/// How the geometric operators resample.
struct Resampling {
  Interpolation interpolation = Interpolation::Nearest;
  Fill fill{0};
};

/// torchvision's `_apply_op`.
torch::Tensor apply_step(const torch::Tensor& image, const AugmentStep& step, const Resampling& resampling);
torch::Tensor apply_steps(const torch::Tensor& image, const std::vector<AugmentStep>& steps,
                          const Resampling& resampling);
/// The same, told to the followers where it moves the image.
void apply_steps(Scene& scene, const Followers& followers, const std::vector<AugmentStep>& steps,
                 const Resampling& resampling);

ImageSize size_of_image(const torch::Tensor& image);

/// A policy draws its steps and applies them.
class Policy : public Transform {
 public:
  explicit Policy(Resampling resampling) : resampling_(std::move(resampling)) {}

  torch::Tensor apply(const torch::Tensor& image, KeyedRandom& random) const override {
    return apply_steps(image, draw(size_of_image(image), random), resampling_);
  }
  Places places() const override { return Places::Moved; }
  void apply_to(Scene& scene, const Surroundings& around, KeyedRandom& random) const override {
    apply_steps(scene, around.followers, draw(size_of_image(scene.image), random), resampling_);
  }

 private:
  virtual std::vector<AugmentStep> draw(ImageSize size, KeyedRandom& random) const = 0;

  Resampling resampling_;
};

/// The largest magnitudes of a policy.
struct MagnitudeSpace {
  double shear = 0.3;
  double translate_share = 150.0 / 331.0;  ///< of the image's width or height
  double translate_divisor = 0;            ///< in its place, where it is not 0: they are divided by it
  double translate_pixels = 0;             ///< in place of both, where it is not 0
  double rotate = 30;
  double enhance = 0.9;
  double posterize_bits = 8;   ///< at the least magnitude
  double posterize_range = 4;  ///< bits fewer at the largest
};

/// The angle, in degrees, that a shear's tangent stands for.
double shear_degrees(double tangent);

/// Magnitude `bin` of `bins` (at least 2), 0 for operators without one. `negative` turns the sign of those that have
/// one (is_signed).
double magnitude(const MagnitudeSpace& space, AugmentOp op, std::int64_t bin, std::int64_t bins, ImageSize size,
                 bool negative);
bool has_magnitude(AugmentOp op);
bool is_signed(AugmentOp op);

/// Element `i` of torch.linspace(first, last, count), float32, with the bits of CPUs that have AVX2: blocks of 16 are
/// made as two vectors. Other CPUs differ in the last bit.
float linspace_element(double first, double last, std::int64_t count, std::int64_t i);

/// Options that all of them have.
struct ResamplingOptions {
  std::string interpolation = "nearest";
  std::vector<std::int64_t> fill{0};
};

template <class Options>
void declare_resampling(config::Declare<Options>& d) {
  std::string Options::*interpolation = &Options::interpolation;  // of the base until now
  std::vector<std::int64_t> Options::*fill = &Options::fill;
  d("interpolation", interpolation, "how shears, translations and rotations interpolate")
      .choices(interpolation_names());
  d("fill", fill, "value outside the image that they move: one, or one per channel").min(0).max(255);
}

/// UserError where the fill does not fit the channels, or where images are neither RGB nor grey.
Resampling resampling_of(const ResamplingOptions& options, const TransformContext& context);
/// UserError unless images have 1 or 3 channels.
void check_rgb_or_grey(std::int64_t channels);

}  // namespace mlrun::data
