#include "data/transforms/tensor_ops.h"

#include <algorithm>
#include <cmath>

#include <torch/types.h>

#include "base/error.h"
#include "data/image/bytes.h"
#include "data/image/ops.h"

namespace mlrun::data {
namespace {

/// torchvision's `_blend`: two products and their sum, in float32.
struct TensorBlend {
  float ratio, rest;

  explicit TensorBlend(double factor) : ratio(static_cast<float>(factor)), rest(static_cast<float>(1.0 - factor)) {}
  std::uint8_t operator()(std::uint8_t image, float other) const {
    const float scaled = ratio * static_cast<float>(image), added = rest * other;
    return static_cast<std::uint8_t>(static_cast<int>(std::clamp(scaled + added, 0.0F, 255.0F)));
  }
};

ByteTable blend_table(const TensorBlend& blend, float constant) {
  ByteTable table;
  for (std::size_t v = 0; v < table.size(); ++v) table[v] = blend(static_cast<std::uint8_t>(v), constant);
  return table;
}

torch::Tensor blend_images(const torch::Tensor& image, const torch::Tensor& other, double factor) {
  auto result = torch::empty_like(image);
  map_bytes(image.data_ptr<std::uint8_t>(), other.data_ptr<std::uint8_t>(), image.numel(),
            result.data_ptr<std::uint8_t>(), TensorBlend(factor));
  return result;
}

/// [H, W, 1], with torchvision's weights, truncated.
torch::Tensor grey(const torch::Tensor& image) {
  const ImageView view = rgb_or_grey(image);
  if (view.channels == 1) return image;
  auto result = torch::empty({view.height, view.width, 1}, torch::kUInt8);
  auto* out = result.data_ptr<std::uint8_t>();
  const std::uint8_t* const end = view.row(view.height);
  for (const std::uint8_t* pixel = view.pixels; pixel < end; pixel += 3) {
    const float red = 0.2989F * static_cast<float>(pixel[0]), green = 0.587F * static_cast<float>(pixel[1]);
    const float blue = 0.114F * static_cast<float>(pixel[2]);
    const float sum = red + green;
    *out++ = static_cast<std::uint8_t>(static_cast<int>(sum + blue));
  }
  return result;
}

torch::Tensor tensor_contrast(const torch::Tensor& image, double factor) {
  const float mean = grey(image).to(torch::kFloat32).mean().item<float>();
  return look_up(image, blend_table(TensorBlend(factor), mean));
}

torch::Tensor tensor_saturation(const torch::Tensor& image, double factor) {
  if (image.size(2) == 1) return image;
  return blend_images(image, grey(image).expand_as(image).contiguous(), factor);
}

torch::Tensor tensor_sharpness(const torch::Tensor& image, double factor) {
  if (image.size(0) < 3 || image.size(1) < 3) return image;  // a blend of the image with itself would truncate
  return blend_images(image, smooth(image), factor);
}

ByteTable tensor_stretched(const Histogram& counts) {
  const auto present = [](std::int64_t count) { return count != 0; };
  const auto low = static_cast<float>(std::find_if(counts.begin(), counts.end(), present) - counts.begin());
  const auto high = static_cast<float>(counts.rend() - std::find_if(counts.rbegin(), counts.rend(), present) - 1);
  const float least = high > low ? low : 0.0F, scale = high > low ? 255.0F / (high - low) : 1.0F;
  ByteTable table;
  for (std::size_t v = 0; v < table.size(); ++v) {
    const float value = (static_cast<float>(v) - least) * scale;
    table[v] = static_cast<std::uint8_t>(static_cast<int>(std::clamp(value, 0.0F, 255.0F)));
  }
  return table;
}

/// Where each pixel is read from, [1, H, W, 2] in -1..1: torchvision's `_gen_affine_grid`.
torch::Tensor affine_grid(const AffineMatrix& m, std::int64_t height, std::int64_t width) {
  const std::vector<double> values(m.begin(), m.end());
  const auto theta = torch::tensor(values, torch::kFloat64).to(torch::kFloat32).reshape({1, 2, 3});
  const auto w = static_cast<double>(width), h = static_cast<double>(height);
  auto base = torch::empty({1, height, width, 3});
  base.select(3, 0).copy_(torch::linspace(-w * 0.5 + 0.5, w * 0.5 + 0.5 - 1, width));
  base.select(3, 1).copy_(torch::linspace(-h * 0.5 + 0.5, h * 0.5 + 0.5 - 1, height).unsqueeze(-1));
  base.select(3, 2).fill_(1);
  const auto sizes = torch::tensor({static_cast<float>(0.5 * w), static_cast<float>(0.5 * h)});
  const auto rescaled = theta.transpose(1, 2) / sizes;
  return base.view({1, height * width, 3}).bmm(rescaled).view({1, height, width, 2});
}

torch::Tensor grid_sampled(const torch::Tensor& image, const AffineMatrix& matrix, const Resampling& resampling) {
  constexpr std::int64_t kBilinear = 0, kNearest = 1, kZeros = 0;
  MLRUN_ASSERT(resampling.interpolation != Interpolation::Bicubic, "tensors are not interpolated bicubically");
  const bool nearest = resampling.interpolation == Interpolation::Nearest;
  const auto& fill = resampling.fill;
  const bool filled = std::any_of(fill.begin(), fill.end(), [](std::uint8_t value) { return value != 0; });
  auto planes = image.permute({2, 0, 1}).contiguous().unsqueeze(0).to(torch::kFloat32);
  if (filled) planes = torch::cat({planes, torch::ones({1, 1, image.size(0), image.size(1)})}, 1);
  planes = torch::grid_sampler(planes, affine_grid(matrix, image.size(0), image.size(1)),
                               nearest ? kNearest : kBilinear, kZeros, false);
  if (filled) {
    const auto mask = planes.narrow(1, image.size(2), 1);
    planes = planes.narrow(1, 0, image.size(2));
    const std::vector<float> values(fill.begin(), fill.end());
    const auto outside = torch::tensor(values).view({1, -1, 1, 1}).expand_as(planes);
    planes = nearest ? torch::where(mask < 0.5, outside, planes) : planes * mask + (1.0 - mask) * outside;
  }
  return planes.squeeze(0).round().to(torch::kUInt8).permute({1, 2, 0}).contiguous();
}

/// Around the image's middle, which is the origin here.
AffineMatrix tensor_matrix(const torch::Tensor& image, const AugmentStep& step) {
  AffineParameters parameters;
  if (step.op == AugmentOp::Rotate) {
    parameters.angle = -step.magnitude;
  } else if (step.op == AugmentOp::TranslateX || step.op == AugmentOp::TranslateY) {
    parameters.translate[step.op == AugmentOp::TranslateX ? 0 : 1] = std::trunc(step.magnitude);
  } else {
    parameters.center = {-(static_cast<double>(image.size(1)) * 0.5), -(static_cast<double>(image.size(0)) * 0.5)};
    parameters.shear[step.op == AugmentOp::ShearX ? 0 : 1] = shear_degrees(step.magnitude);
  }
  return inverse_affine_matrix(parameters);
}

}  // namespace

torch::Tensor apply_tensor_step(const torch::Tensor& image, const AugmentStep& step, const Resampling& resampling) {
  const double factor = 1.0 + step.magnitude;
  switch (step.op) {
    case AugmentOp::ShearX:
    case AugmentOp::ShearY:
    case AugmentOp::TranslateX:
    case AugmentOp::TranslateY:
    case AugmentOp::Rotate: return grid_sampled(image, tensor_matrix(image, step), resampling);
    case AugmentOp::Brightness: return look_up(image, blend_table(TensorBlend(factor), 0.0F));
    case AugmentOp::Color: return tensor_saturation(image, factor);
    case AugmentOp::Contrast: return tensor_contrast(image, factor);
    case AugmentOp::Sharpness: return tensor_sharpness(image, factor);
    case AugmentOp::AutoContrast: return remap(image, tensor_stretched);
    default: return apply_step(image, step, resampling);  // the same on tensors
  }
}

}  // namespace mlrun::data
