#include <algorithm>

#include <torch/types.h>

#include "deploy/onnx/ops.h"

namespace mlrun::deploy {
namespace {

using torch::Tensor;
using Tensors = std::vector<Tensor>;
using Numbers = std::vector<std::int64_t>;

Tensors concat(const OnnxCall& call) {
  const Tensor& first = call.in();
  call.require(call.has_attribute("axis"), "its attribute 'axis' is missing");
  const std::int64_t axis = call.axis(call.integer("axis", 0), first.dim());
  Numbers sizes = first.sizes().vec();
  for (std::size_t i = 1; i < call.inputs().size(); ++i) {
    const Tensor& x = call.in(i);
    call.require(x.scalar_type() == first.scalar_type(), "its inputs have different types");
    bool fits = x.dim() == first.dim();
    for (std::int64_t k = 0; fits && k < x.dim(); ++k) fits = k == axis || x.size(k) == first.size(k);
    call.require(fits, "the shapes of its inputs do not fit together");
    sizes[static_cast<std::size_t>(axis)] += x.size(axis);
  }
  call.check_size(sizes, first.scalar_type());
  return {torch::cat(call.inputs(), axis)};
}

/// Where elements come from when an axis of `size` is extended by mirrored, repeated or wrapped ones.
Tensor padded_places(const OnnxCall& call, const std::string& mode, std::int64_t size, std::int64_t before,
                     std::int64_t after) {
  const std::int64_t length = size + before + after;
  call.require(size > 0 && length >= 0, "its padding does not fit its input");
  const Tensor places = torch::arange(-before, length - before, torch::kLong);
  if (mode == "edge") return places.clamp(0, size - 1);
  if (mode == "wrap") return places.remainder(size);
  call.require(mode == "reflect", "its mode is not one that ONNX has");
  if (size == 1) return places.mul(0);
  const Tensor round = places.remainder(2 * size - 2);
  return torch::where(round.ge(size), round.neg().add(2 * size - 2), round);
}

/// Begins, then ends, of all axes: an attribute before opset 11, and inputs since.
Numbers pads_of(const OnnxCall& call, std::int64_t rank) {
  const Numbers given = call.opset() < 11 ? call.integers("pads") : call.integers_in(1);
  Numbers axes;
  if (call.has(3)) axes = call.axes(call.integers_in(3), rank);
  else
    for (std::int64_t i = 0; i < rank; ++i) axes.push_back(i);
  call.require(given.size() == 2 * axes.size(), "its padding does not fit its input");
  Numbers pads(static_cast<std::size_t>(2 * rank), 0);
  for (std::size_t i = 0; i < axes.size(); ++i) {
    pads[static_cast<std::size_t>(axes[i])] = given[i];
    pads[static_cast<std::size_t>(axes[i] + rank)] = given[i + axes.size()];
  }
  return pads;
}

at::Scalar fill_of(const OnnxCall& call) {
  if (call.opset() < 11) return call.number("value", 0);
  if (!call.has(2)) return 0;
  call.require(call.in(2).numel() == 1, "its value must be one number");
  return call.in(2).reshape({}).item();
}

Tensors pad(const OnnxCall& call) {
  const Tensor& x = call.in();
  const Numbers pads = pads_of(call, x.dim());
  const auto rank = static_cast<std::size_t>(x.dim());
  Numbers sizes, constant;
  for (std::size_t i = 0; i < rank; ++i) {
    const std::int64_t size = x.size(static_cast<std::int64_t>(i));
    call.require(std::max(std::abs(pads[i] / 2), std::abs(pads[i + rank] / 2)) < (std::int64_t{1} << 40),
                 "its padding is out of range");
    sizes.push_back(size + pads[i] + pads[i + rank]);
    call.require(size + std::min<std::int64_t>(pads[i], 0) + std::min<std::int64_t>(pads[i + rank], 0) >= 0,
                 "its padding does not fit its input");
    constant.insert(constant.begin(), {pads[i], pads[i + rank]});
  }
  call.check_size(sizes, x.scalar_type());
  const std::string mode = call.text("mode", "constant");
  if (mode == "constant") return {at::constant_pad_nd(x, constant, fill_of(call))};
  Tensor result = x;
  for (std::size_t i = 0; i < rank; ++i) {
    if (pads[i] == 0 && pads[i + rank] == 0) continue;
    const auto axis = static_cast<std::int64_t>(i);
    result = result.index_select(axis, padded_places(call, mode, x.size(axis), pads[i], pads[i + rank]));
  }
  return {result};
}

std::int64_t block_of(const OnnxCall& call) {
  const std::int64_t block = call.integer("blocksize", 0);
  call.require(call.in().dim() == 4, "its input must have four dimensions");
  call.require(block >= 1 && block < 65536, "its blocksize is out of range");
  return block;
}

Tensors depth_to_space(const OnnxCall& call) {
  const Tensor& x = call.in();
  const std::int64_t b = block_of(call), n = x.size(0), h = x.size(2), w = x.size(3);
  call.require(x.size(1) % (b * b) == 0, "its blocksize does not fit the channels of its input");
  const std::int64_t channels = x.size(1) / (b * b);
  const std::string mode = call.text("mode", "DCR");
  call.require(mode == "DCR" || mode == "CRD", "its mode is not one that ONNX has");
  const Tensor blocks = mode == "DCR" ? x.reshape({n, b, b, channels, h, w}).permute({0, 3, 4, 1, 5, 2})
                                      : x.reshape({n, channels, b, b, h, w}).permute({0, 1, 4, 2, 5, 3});
  return {blocks.reshape({n, channels, h * b, w * b})};
}

Tensors space_to_depth(const OnnxCall& call) {
  const Tensor& x = call.in();
  const std::int64_t b = block_of(call), n = x.size(0), channels = x.size(1);
  call.require(x.size(2) % b == 0 && x.size(3) % b == 0, "its blocksize does not fit its input");
  const std::int64_t h = x.size(2) / b, w = x.size(3) / b;
  return {x.reshape({n, channels, h, b, w, b}).permute({0, 3, 5, 1, 2, 4}).reshape({n, channels * b * b, h, w})};
}

}  // namespace

void add_onnx_rearrangement(OnnxOperators& operators) {
  operators["Concat"] = {concat};
  operators["Pad"] = {pad};
  operators["DepthToSpace"] = {depth_to_space};
  operators["SpaceToDepth"] = {space_to_depth};
}

}  // namespace mlrun::deploy
