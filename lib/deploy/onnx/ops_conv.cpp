#include <algorithm>

#include <torch/types.h>

#include "deploy/onnx/ops.h"

namespace mlrun::deploy {
namespace {

using torch::Tensor;
using Tensors = std::vector<Tensor>;
using Numbers = std::vector<std::int64_t>;

constexpr std::int64_t kMostPixels = std::int64_t{1} << 40;  // of anything along one axis: sums of such fit 64 bits

Numbers per_axis(const OnnxCall& call, const std::string& name, std::size_t count, std::int64_t least,
                 std::int64_t otherwise) {
  const Numbers values = call.integers(name, Numbers(count, otherwise));
  if (values.size() != count) call.fail("its attribute '" + name + "' has the wrong number of values");
  for (const auto value : values) {
    if (value < least || value > kMostPixels) call.fail("its attribute '" + name + "' has a value out of range");
  }
  return values;
}

/// How far a window reaches, its dilation included.
std::int64_t reach(const OnnxWindows& windows, std::size_t i) {
  std::int64_t result = 0;
  return __builtin_mul_overflow(windows.kernel[i] - 1, windows.dilations[i], &result) ? INT64_MAX / 4 : result + 1;
}

/// As many zeros as the output needs to have ceil(size / stride) elements.
void pad_same(OnnxWindows& windows, std::size_t i, std::int64_t size, bool upper) {
  const std::int64_t stride = windows.strides[i], count = (size + stride - 1) / stride;
  const std::int64_t total = std::max<std::int64_t>(0, (count - 1) * stride + reach(windows, i) - size);
  windows.before[i] = upper ? total / 2 : total - total / 2;
  windows.after[i] = total - windows.before[i];
}

/// How many windows there are; where the last may reach beyond the end (`ceil`), it begins before it.
std::int64_t count_windows(const OnnxWindows& windows, std::size_t i, std::int64_t size, bool ceil) {
  const std::int64_t stride = windows.strides[i];
  const std::int64_t room = size + windows.before[i] + windows.after[i] - reach(windows, i);
  if (room < 0) return ceil && room + stride > 0 && windows.before[i] + size > 0 ? 1 : 0;
  std::int64_t count = room / stride + 1;
  if (ceil && room % stride != 0 && count * stride < size + windows.before[i]) ++count;
  return count;
}

void set_padding(const OnnxCall& call, const Tensor& input, OnnxWindows& windows) {
  const std::size_t rank = windows.kernel.size();
  const std::string automatic = call.text("auto_pad", "NOTSET");
  windows.before.assign(rank, 0);
  windows.after.assign(rank, 0);
  if (automatic == "SAME_UPPER" || automatic == "SAME_LOWER") {
    for (std::size_t i = 0; i < rank; ++i) {
      pad_same(windows, i, input.size(static_cast<std::int64_t>(i) + 2), automatic == "SAME_UPPER");
    }
  } else if (automatic == "NOTSET" || automatic.empty()) {
    const Numbers pads = per_axis(call, "pads", 2 * rank, 0, 0);
    std::copy_n(pads.begin(), rank, windows.before.begin());
    std::copy_n(pads.begin() + static_cast<std::ptrdiff_t>(rank), rank, windows.after.begin());
  } else if (automatic != "VALID") {
    call.fail("its attribute 'auto_pad' is not one that ONNX has");
  }
}

Tensors conv(const OnnxCall& call) {
  return {onnx_convolve(call, call.in(0), call.in(1), call.has(2) ? call.in(2) : Tensor())};
}

}  // namespace

Numbers OnnxWindows::padding() const {
  Numbers result;
  for (std::size_t i = kernel.size(); i-- > 0;) {
    result.push_back(before[i]);
    result.push_back(after[i]);
  }
  return result;
}

OnnxWindows onnx_windows(const OnnxCall& call, const Tensor& input, Numbers kernel) {
  OnnxWindows windows;
  const std::size_t rank = kernel.size();
  call.require(rank >= 1 && rank <= 3, "it is not of one, two or three spatial dimensions");
  call.require(input.dim() == static_cast<std::int64_t>(rank) + 2, "its window does not fit the shape of its input");
  call.require(std::all_of(kernel.begin(), kernel.end(), [](auto k) { return k >= 1 && k <= kMostPixels; }),
               "its window is empty");
  call.require(input.numel() > 0, "its input is empty");
  windows.kernel = std::move(kernel);
  windows.strides = per_axis(call, "strides", rank, 1, 1);
  windows.dilations = per_axis(call, "dilations", rank, 1, 1);
  set_padding(call, input, windows);
  const bool ceil = call.flag("ceil_mode", false);
  for (std::size_t i = 0; i < rank; ++i) {
    windows.output.push_back(count_windows(windows, i, input.size(static_cast<std::int64_t>(i) + 2), ceil));
    call.require(windows.output.back() >= 1, "its input is smaller than its window");
  }
  return windows;
}

Tensor onnx_convolve(const OnnxCall& call, const Tensor& input, const Tensor& weight, const Tensor& bias) {
  call.require(weight.dim() >= 3 && weight.dim() == input.dim(), "its weights do not fit the shape of its input");
  call.require(weight.numel() > 0, "its weights are empty");
  call.require(input.scalar_type() == weight.scalar_type(), "its inputs have different types");
  const Numbers kernel = weight.sizes().slice(2).vec();
  call.require(call.integers("kernel_shape", kernel) == kernel, "its kernel_shape is not that of its weights");
  const OnnxWindows windows = onnx_windows(call, input, kernel);
  const std::int64_t groups = call.integer("group", 1);
  call.require(groups >= 1 && weight.size(0) % groups == 0 && input.size(1) % groups == 0 &&
                   input.size(1) / groups == weight.size(1),
               "its weights do not fit the channels of its input");
  call.require(!bias.defined() || (bias.dim() == 1 && bias.size(0) == weight.size(0)),
               "its bias does not fit its weights");
  Numbers output = {input.size(0), weight.size(0)}, padded = {input.size(0), input.size(1)}, patches = {input.size(1)};
  for (std::size_t i = 0; i < kernel.size(); ++i) {
    output.push_back(windows.output[i]);
    padded.push_back(input.size(static_cast<std::int64_t>(i) + 2) + windows.before[i] + windows.after[i]);
    patches.insert(patches.end(), {windows.output[i], kernel[i]});
  }
  for (const auto& sizes : {output, padded, patches}) call.check_size(sizes, input.scalar_type());
  const Tensor whole = windows.symmetric() ? input : at::constant_pad_nd(input, windows.padding());
  return at::convolution(whole, weight, bias.defined() ? c10::make_optional(bias) : c10::nullopt, windows.strides,
                         windows.symmetric() ? windows.before : Numbers(kernel.size(), 0), windows.dilations,
                         /*transposed=*/false, Numbers(kernel.size(), 0), groups);
}

void add_onnx_convolution(OnnxOperators& operators) { operators["Conv"] = {conv, true}; }

}  // namespace mlrun::deploy
