#include <limits>

#include <torch/types.h>

#include "deploy/onnx/ops.h"

namespace mlrun::deploy {
namespace {

using torch::Tensor;
using Tensors = std::vector<Tensor>;
using Numbers = std::vector<std::int64_t>;

/// ATen pools over two or three dimensions and wants little padding: the rest is padded before. What `after`
/// lacks for the last window is added, what no window reaches stays.
Tensor pad_for(const OnnxCall& call, const Tensor& input, const OnnxWindows& windows, double value) {
  Numbers padding, sizes = {input.size(0), input.size(1)};
  bool any = false;
  for (std::size_t i = windows.kernel.size(); i-- > 0;) {
    const std::int64_t size = input.size(static_cast<std::int64_t>(i) + 2);
    const std::int64_t needed =
        (windows.output[i] - 1) * windows.strides[i] + (windows.kernel[i] - 1) * windows.dilations[i] + 1;
    const std::int64_t after = std::max<std::int64_t>(0, needed - size - windows.before[i]);
    padding.insert(padding.end(), {windows.before[i], after});
    sizes.push_back(size + windows.before[i] + after);
    any = any || windows.before[i] != 0 || after != 0;
  }
  call.check_size(sizes, input.scalar_type());
  return any ? at::constant_pad_nd(input, padding, value) : input;
}

/// The spatial part of `tensor` cut to what the windows reach, so that counting windows is left to them.
Tensor cut(const Tensor& tensor, const OnnxWindows& windows) {
  Tensor result = tensor;
  for (std::size_t i = 0; i < windows.kernel.size(); ++i) {
    const std::int64_t needed =
        (windows.output[i] - 1) * windows.strides[i] + (windows.kernel[i] - 1) * windows.dilations[i] + 1;
    result = result.narrow(static_cast<std::int64_t>(i) + 2, 0, needed);
  }
  return result;
}

/// Pools three-dimensional images; those of fewer dimensions get more of size one.
Tensor pool(const Tensor& padded, const OnnxWindows& windows, bool largest) {
  const std::size_t missing = 3 - windows.kernel.size();
  Tensor image = padded;
  for (std::size_t i = 0; i < missing; ++i) image = image.unsqueeze(2);
  const auto filled = [&](Numbers values, std::int64_t with) {
    values.insert(values.begin(), missing, with);
    return values;
  };
  const Numbers kernel = filled(windows.kernel, 1), strides = filled(windows.strides, 1);
  Tensor result = largest ? at::max_pool3d(image, kernel, strides, 0, filled(windows.dilations, 1))
                          : at::avg_pool3d(image, kernel, strides, 0, false, true, 1);
  for (std::size_t i = 0; i < missing; ++i) result = result.squeeze(2);
  return result;
}

/// Two-dimensional images as most networks have them, which ATen pools as they are.
bool is_plain(const OnnxCall& call, const OnnxWindows& windows) {
  if (windows.kernel.size() != 2 || !windows.symmetric() || call.flag("ceil_mode", false)) return false;
  return windows.before[0] <= windows.kernel[0] / 2 && windows.before[1] <= windows.kernel[1] / 2;
}

OnnxWindows windows_of(const OnnxCall& call) {
  call.require(call.has_attribute("kernel_shape"), "its attribute 'kernel_shape' is missing");
  const OnnxWindows windows = onnx_windows(call, call.in(), call.integers("kernel_shape"));
  Numbers sizes = {call.in().size(0), call.in().size(1)};
  sizes.insert(sizes.end(), windows.output.begin(), windows.output.end());
  call.check_size(sizes, torch::kLong);
  return windows;
}

Tensors max_pool(const OnnxCall& call) {
  call.require(!call.wants(1), "mlrun does not compute its second output");
  const Tensor& x = call.in();
  const bool floating = at::isFloatingType(x.scalar_type());
  const Tensor values = floating ? x : x.to(torch::kDouble);
  const OnnxWindows windows = windows_of(call);
  if (is_plain(call, windows)) {
    return {
        at::max_pool2d(values, windows.kernel, windows.strides, windows.before, windows.dilations).to(x.scalar_type())};
  }
  const double least = floating ? -std::numeric_limits<double>::infinity() : -256;
  call.require(floating || at::elementSize(x.scalar_type()) == 1, "it pools numbers that it cannot");
  return {pool(cut(pad_for(call, values, windows, least), windows), windows, true).to(x.scalar_type())};
}

/// Sums over windows, dilated or not.
Tensor sums(const OnnxCall& call, const Tensor& input, const OnnxWindows& windows) {
  const Tensor padded = cut(pad_for(call, input, windows, 0), windows);
  if (windows.dilations == Numbers(windows.kernel.size(), 1)) return pool(padded, windows, false);
  Numbers sizes(2 + windows.kernel.size(), 1);
  sizes.front() = input.size(1);
  std::copy(windows.kernel.begin(), windows.kernel.end(), sizes.begin() + 2);
  call.check_size(sizes, input.scalar_type());
  const Numbers none(windows.kernel.size(), 0);
  return at::convolution(padded, torch::ones(sizes, input.options()), {}, windows.strides, none, windows.dilations,
                         false, none, input.size(1));
}

/// How many elements each window counts: those of the image, with its padding where `padded`; never those that
/// only ceil_mode adds.
Tensor counts(const OnnxCall& call, const Tensor& input, OnnxWindows windows, bool padded) {
  Numbers sizes = {1, 1};
  for (std::size_t i = 0; i < windows.kernel.size(); ++i) {
    sizes.push_back(input.size(static_cast<std::int64_t>(i) + 2) + (padded ? windows.before[i] + windows.after[i] : 0));
    if (padded) windows.before[i] = windows.after[i] = 0;
  }
  call.check_size(sizes, input.scalar_type());
  return sums(call, torch::ones(sizes, input.options()), windows);
}

Tensors average_pool(const OnnxCall& call) {
  const Tensor& x = call.in();
  call.require(at::isFloatingType(x.scalar_type()), "its input must be floating numbers");
  const OnnxWindows windows = windows_of(call);
  const bool padded = call.flag("count_include_pad", false);
  if (is_plain(call, windows) && windows.dilations == Numbers{1, 1}) {
    return {at::avg_pool2d(x, windows.kernel, windows.strides, windows.before, false, padded)};
  }
  return {sums(call, x, windows).div(counts(call, x, windows, padded))};
}

Tensors lp_pool(const OnnxCall& call) {
  const std::int64_t p = call.integer("p", 2);
  call.require(p >= 1, "its p must be 1 or more");
  const Tensor& x = call.in();
  call.require(at::isFloatingType(x.scalar_type()), "its input must be floating numbers");
  const auto power = static_cast<double>(p);
  return {sums(call, x.abs().pow(power), windows_of(call)).pow(1 / power)};
}

Numbers spatial(const OnnxCall& call) {
  call.require(call.in().dim() >= 3 && call.in().numel() > 0, "its input is no image");
  Numbers axes;
  for (std::int64_t i = 2; i < call.in().dim(); ++i) axes.push_back(i);
  return axes;
}

Tensors global_average_pool(const OnnxCall& call) { return {call.in().mean(spatial(call), /*keepdim=*/true)}; }
Tensors global_max_pool(const OnnxCall& call) { return {call.in().amax(spatial(call), /*keepdim=*/true)}; }
Tensors global_lp_pool(const OnnxCall& call) {
  const auto p = static_cast<double>(call.integer("p", 2));
  call.require(p >= 1, "its p must be 1 or more");
  return {call.in().abs().pow(p).sum(spatial(call), /*keepdim=*/true).pow(1 / p)};
}

}  // namespace

void add_onnx_pooling(OnnxOperators& operators) {
  operators["MaxPool"] = {max_pool, true};
  operators["AveragePool"] = {average_pool, true};
  operators["LpPool"] = {lp_pool, true};
  operators["GlobalAveragePool"] = {global_average_pool, true};
  operators["GlobalMaxPool"] = {global_max_pool, true};
  operators["GlobalLpPool"] = {global_lp_pool, true};
}

}  // namespace mlrun::deploy
