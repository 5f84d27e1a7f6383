#include "data/transforms/augment_ops.h"

#include <cmath>

#include "base/error.h"
#include "data/image/ops.h"

namespace mlrun::data {
namespace {

constexpr double kRadian = 180.0 / 3.14159265358979323846;

AffineMatrix shear_matrix(double along_x, double along_y) {
  AffineParameters parameters;
  parameters.shear = {shear_degrees(along_x), shear_degrees(along_y)};
  return inverse_affine_matrix(parameters);
}

AffineMatrix translate_matrix(const torch::Tensor& image, double x, double y) {
  AffineParameters parameters;
  parameters.center = {static_cast<double>(image.size(1)) * 0.5, static_cast<double>(image.size(0)) * 0.5};
  parameters.translate = {std::trunc(x), std::trunc(y)};
  return inverse_affine_matrix(parameters);
}

/// Whether an operator moves pixels.
bool moves(AugmentOp op) { return op >= AugmentOp::ShearX && op <= AugmentOp::Rotate; }

/// The matrix of a shear, translation or rotation.
AffineMatrix matrix_of(const torch::Tensor& image, const AugmentStep& step) {
  switch (step.op) {
    case AugmentOp::ShearX: return shear_matrix(step.magnitude, 0);
    case AugmentOp::ShearY: return shear_matrix(0, step.magnitude);
    case AugmentOp::TranslateX: return translate_matrix(image, step.magnitude, 0);
    case AugmentOp::Rotate: return rotation_matrix(step.magnitude, image.size(0), image.size(1));
    default: return translate_matrix(image, 0, step.magnitude);
  }
}

/// Half to even, in float32 as torch has it.
double posterize_bits(const MagnitudeSpace& space, std::int64_t bin, std::int64_t bins) {
  const auto width = static_cast<float>(static_cast<double>(bins - 1) / space.posterize_range);
  return space.posterize_bits - std::nearbyint(static_cast<float>(bin) / width);
}

}  // namespace

torch::Tensor apply_step(const torch::Tensor& image, const AugmentStep& step, const Resampling& resampling) {
  switch (step.op) {
    case AugmentOp::Identity: return image;
    case AugmentOp::ShearX:
    case AugmentOp::ShearY:
    case AugmentOp::TranslateX:
    case AugmentOp::TranslateY: return affine(image, matrix_of(image, step), resampling.interpolation, resampling.fill);
    case AugmentOp::Rotate: return rotate(image, step.magnitude, resampling.interpolation, resampling.fill);
    case AugmentOp::Brightness: return adjust_brightness(image, 1.0 + step.magnitude);
    case AugmentOp::Color: return adjust_saturation(image, 1.0 + step.magnitude);
    case AugmentOp::Contrast: return adjust_contrast(image, 1.0 + step.magnitude);
    case AugmentOp::Sharpness: return adjust_sharpness(image, 1.0 + step.magnitude);
    case AugmentOp::Posterize: return posterize(image, static_cast<std::int64_t>(step.magnitude));
    case AugmentOp::Solarize: return solarize(image, step.magnitude);
    case AugmentOp::AutoContrast: return autocontrast(image);
    case AugmentOp::Equalize: return equalize(image);
    case AugmentOp::Invert: return invert(image);
  }
  return image;
}

torch::Tensor apply_steps(const torch::Tensor& image, const std::vector<AugmentStep>& steps,
                          const Resampling& resampling) {
  torch::Tensor result = image;
  for (const AugmentStep& step : steps) result = apply_step(result, step, resampling);
  return result;
}

void apply_steps(Scene& scene, const Followers& followers, const std::vector<AugmentStep>& steps,
                 const Resampling& resampling) {
  for (const AugmentStep& step : steps) {
    if (moves(step.op)) {
      followers.follow(Warp{matrix_of(scene.image, step), scene.image.size(0), scene.image.size(1)}, scene.targets);
    }
    scene.image = apply_step(scene.image, step, resampling);
  }
}

double shear_degrees(double tangent) { return std::atan(tangent) * kRadian; }

float linspace_element(double first, double last, std::int64_t count, std::int64_t i) {
  constexpr std::int64_t kVector = 8, kBlock = 2 * kVector;
  const auto begin = static_cast<float>(first), end = static_cast<float>(last);
  const float step = (end - begin) / static_cast<float>(count - 1);
  const auto alone = [&](std::int64_t at) {
    if (at < count / 2) return std::fma(step, static_cast<float>(at), begin);
    return std::fma(-step, static_cast<float>(count - at - 1), end);
  };
  if (i >= count / kBlock * kBlock) return alone(i);
  const std::int64_t lane = i % kVector;
  return alone(i - lane) + step * static_cast<float>(lane);
}

bool is_signed(AugmentOp op) { return op >= AugmentOp::ShearX && op <= AugmentOp::Sharpness; }

bool has_magnitude(AugmentOp op) { return op >= AugmentOp::ShearX && op <= AugmentOp::Solarize; }

double magnitude(const MagnitudeSpace& space, AugmentOp op, std::int64_t bin, std::int64_t bins, ImageSize size,
                 bool negative) {
  MLRUN_ASSERT(bins >= 2 && bin >= 0 && bin < bins, "a magnitude lies in one of at least two bins");
  const auto up_to = [&](double largest) {
    const double value = linspace_element(0.0, largest, bins, bin);
    return negative ? -value : value;
  };
  const auto translation = [&](std::int64_t side) {
    const auto pixels = static_cast<double>(side);
    if (space.translate_pixels > 0) return up_to(space.translate_pixels);
    return up_to(space.translate_divisor > 0 ? pixels / space.translate_divisor : space.translate_share * pixels);
  };
  switch (op) {
    case AugmentOp::ShearX:
    case AugmentOp::ShearY: return up_to(space.shear);
    case AugmentOp::TranslateX: return translation(size.width);
    case AugmentOp::TranslateY: return translation(size.height);
    case AugmentOp::Rotate: return up_to(space.rotate);
    case AugmentOp::Brightness:
    case AugmentOp::Color:
    case AugmentOp::Contrast:
    case AugmentOp::Sharpness: return up_to(space.enhance);
    case AugmentOp::Posterize: return posterize_bits(space, bin, bins);
    case AugmentOp::Solarize: return linspace_element(255.0, 0.0, bins, bin);
    default: return 0;
  }
}

Resampling resampling_of(const ResamplingOptions& options, const TransformContext& context) {
  check_rgb_or_grey(context.channels);
  check_per_channel("fill", options.fill.size(), context.channels);
  return {interpolation_of(options.interpolation), fill_of(options.fill)};
}

void check_rgb_or_grey(std::int64_t channels) {
  if (channels == 1 || channels == 3) return;
  throw UserError("needs images with 1 or 3 channels, but these have " + std::to_string(channels));
}

ImageSize size_of_image(const torch::Tensor& image) { return {image.size(0), image.size(1)}; }

}  // namespace mlrun::data
