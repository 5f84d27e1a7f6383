#include <algorithm>
#include <cmath>

#include <torch/types.h>

#include "deploy/onnx/ops.h"

namespace mlrun::deploy {
namespace {

using torch::Tensor;
using Tensors = std::vector<Tensor>;
using Numbers = std::vector<std::int64_t>;

/// How the pixels of one axis are resampled.
struct Resampling {
  std::string mode, coordinates, nearest;
  double cubic = -0.75;
  bool antialias = false, exclude_outside = false;
};

Resampling resampling_of(const OnnxCall& call) {
  Resampling how{call.text("mode", "nearest"),
                 call.text("coordinate_transformation_mode", "half_pixel"),
                 call.text("nearest_mode", "round_prefer_floor"),
                 call.number("cubic_coeff_a", -0.75),
                 call.flag("antialias", false),
                 call.flag("exclude_outside", false)};
  if (call.opset() < 11) {  // as it was then
    how.coordinates = "asymmetric";
    how.nearest = "floor";
  }
  call.require(how.mode == "nearest" || how.mode == "linear" || how.mode == "cubic",
               "its mode is not one that ONNX has");
  call.require(call.text("keep_aspect_ratio_policy", "stretch") == "stretch", "mlrun does not keep aspect ratios");
  return how;
}

/// Where output pixel `x` lies in the input.
double source(const OnnxCall& call, const Resampling& how, double x, double scale, std::int64_t in, std::int64_t out) {
  if (how.coordinates == "asymmetric") return x / scale;
  if (how.coordinates == "align_corners")
    return out == 1 ? 0 : x * static_cast<double>(in - 1) / static_cast<double>(out - 1);
  if (how.coordinates == "pytorch_half_pixel" && out == 1) return 0;
  if (how.coordinates == "half_pixel" || how.coordinates == "pytorch_half_pixel") return (x + 0.5) / scale - 0.5;
  if (how.coordinates == "half_pixel_symmetric") {
    const double width = static_cast<double>(in) * scale;
    const double centre = static_cast<double>(in) / 2, adjustment = static_cast<double>(out) / width;
    return centre * (1 - adjustment) + (x + 0.5) / scale - 0.5;
  }
  call.fail("mlrun does not know its coordinate_transformation_mode '" + how.coordinates.substr(0, 40) + "'");
}

double nearest(const OnnxCall& call, const Resampling& how, double x) {
  if (how.nearest == "floor") return std::floor(x);
  if (how.nearest == "ceil") return std::ceil(x);
  if (how.nearest == "round_prefer_floor") return std::ceil(x - 0.5);
  if (how.nearest == "round_prefer_ceil") return std::floor(x + 0.5);
  call.fail("its nearest_mode is not one that ONNX has");
}

/// The filter's weight at a distance, in input pixels.
double weight_at(const Resampling& how, double distance) {
  const double d = std::abs(distance), a = how.cubic;
  if (how.mode == "linear") return std::max(0.0, 1 - d);
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
}

/// One row: the weights of all input pixels for an output pixel at `x`.
void fill_row(const Resampling& how, double x, double scale, std::int64_t in, double* row) {
  const double stretch = how.antialias ? std::min(scale, 1.0) : 1;
  const double support = (how.mode == "linear" ? 1 : 2) / stretch;
  double sum = 0;
  auto first = static_cast<std::int64_t>(std::ceil(x - support)),
       last = static_cast<std::int64_t>(std::floor(x + support));
  if (how.exclude_outside || how.antialias) {
    first = std::max<std::int64_t>(first, 0);
    last = std::min(last, in - 1);
  }
  for (std::int64_t i = first; i <= last; ++i) {
    const double weight = weight_at(how, (static_cast<double>(i) - x) * stretch);
    row[std::clamp<std::int64_t>(i, 0, in - 1)] += weight;
    sum += weight;
  }
  for (std::int64_t i = 0; sum != 0 && i < in; ++i) row[i] /= sum;
}

Tensor resample_axis(const OnnxCall& call, const Tensor& x, std::int64_t axis, std::int64_t out, double scale,
                     const Resampling& how) {
  const std::int64_t in = x.size(axis);
  // ONNX's definition and its runtimes part ways where corners are aligned to a size that the scale does not give.
  call.require(
      how.coordinates != "align_corners" || std::abs(scale * static_cast<double>(in) - static_cast<double>(out)) < 1e-3,
      "mlrun aligns corners only where scales give whole sizes");
  if (how.mode == "nearest") {
    const Tensor places = torch::empty({out}, torch::kLong);
    auto* place = places.data_ptr<std::int64_t>();
    for (std::int64_t i = 0; i < out; ++i) {
      const double here = nearest(call, how, source(call, how, static_cast<double>(i), scale, in, out));
      place[i] = static_cast<std::int64_t>(std::clamp(here, 0.0, static_cast<double>(in - 1)));
    }
    return x.index_select(axis, places);
  }
  call.check_size({out, in}, torch::kDouble);
  const Tensor matrix = torch::zeros({out, in}, torch::kDouble);
  for (std::int64_t i = 0; i < out; ++i) {
    const double here = source(call, how, static_cast<double>(i), scale, in, out);
    call.require(std::abs(here) < 0x1p40, "its scales are out of range");
    fill_row(how, here, scale, in, matrix.data_ptr<double>() + i * in);
  }
  return at::matmul(x.transpose(axis, -1), matrix.t().to(x.scalar_type())).transpose(axis, -1);
}

struct Sizes {
  std::vector<double> scales;
  Numbers sizes;
};

/// From scales or sizes, of all axes or of those that are named (opset 18).
Sizes sizes_of(const OnnxCall& call, const std::vector<double>& scales, const Numbers& sizes) {
  const Tensor& x = call.in();
  Numbers axes;
  for (std::int64_t i = 0; i < x.dim(); ++i) axes.push_back(i);
  if (call.has_attribute("axes")) axes = call.axes(call.integers("axes"), x.dim());
  Sizes result{std::vector<double>(static_cast<std::size_t>(x.dim()), 1), x.sizes().vec()};
  call.require((sizes.empty() ? scales.size() : sizes.size()) == axes.size(), "its sizes do not fit its input");
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const auto axis = static_cast<std::size_t>(axes[i]);
    const auto size = static_cast<double>(x.size(axes[i]));
    call.require(size > 0, "its input is empty");
    if (sizes.empty()) {
      call.require(scales[i] > 0 && size * scales[i] < 0x1p31, "its scales are out of range");
      // In float32, as scales are written: 0.7 of 10 pixels are 7.
      result.sizes[axis] =
          static_cast<std::int64_t>(std::floor(static_cast<float>(size) * static_cast<float>(scales[i])));
    } else {
      result.sizes[axis] = sizes[i];
    }
    call.require(result.sizes[axis] >= 1, "its sizes are out of range");
    result.scales[axis] = sizes.empty() ? scales[i] : static_cast<double>(sizes[i]) / size;
  }
  return result;
}

Tensors resample(const OnnxCall& call, const Sizes& target, const Resampling& how) {
  Tensor result = call.in();
  call.require(how.mode == "nearest" || at::isFloatingType(result.scalar_type()), "its input must be floating numbers");
  for (std::int64_t axis = 0; axis < result.dim(); ++axis) {
    const auto i = static_cast<std::size_t>(axis);
    if (target.sizes[i] == result.size(axis) && target.scales[i] == 1) continue;
    Numbers sizes = result.sizes().vec();
    sizes[i] = target.sizes[i];
    call.check_size(sizes, result.scalar_type());
    result = resample_axis(call, result, axis, target.sizes[i], target.scales[i], how);
  }
  return {result};
}

std::vector<double> scales_in(const OnnxCall& call, std::size_t index) {
  call.require(at::isFloatingType(call.in(index).scalar_type()) && call.in(index).numel() <= 16,
               "its scales are no short list");
  const Tensor scales = call.in(index).to(torch::kDouble).contiguous();
  return {scales.data_ptr<double>(), scales.data_ptr<double>() + scales.numel()};
}

/// Resize, and Upsample before it: input, [region], scales, [sizes].
Tensors resize(const OnnxCall& call) {
  const bool old = call.opset() < 11;
  if (!old && call.has(3) && call.in(3).numel() > 0)
    return resample(call, sizes_of(call, {}, call.integers_in(3)), resampling_of(call));
  return resample(call, sizes_of(call, scales_in(call, old ? 1 : 2), {}), resampling_of(call));
}

Tensors upsample(const OnnxCall& call) {
  const std::vector<double> scales = call.opset() < 9 ? call.numbers("scales") : scales_in(call, 1);
  return resample(call, sizes_of(call, scales, {}), resampling_of(call));
}

}  // namespace

void add_onnx_resize(OnnxOperators& operators) {
  operators["Resize"] = {resize, true};
  operators["Upsample"] = {upsample, true};
}

}  // namespace mlrun::deploy
