#include <algorithm>

#include <torch/types.h>

#include "deploy/onnx/ops.h"

namespace mlrun::deploy {
namespace {

using torch::Tensor;
using Tensors = std::vector<Tensor>;
using Numbers = std::vector<std::int64_t>;

Tensors identity(const OnnxCall& call) { return {call.in()}; }

/// In inference a dropout lets everything pass.
Tensors dropout(const OnnxCall& call) {
  const bool training = call.has(2) && call.in(2).numel() == 1 && call.in(2).to(torch::kBool).item<bool>();
  call.require(!training, "it is in training mode; export the model for inference");
  if (!call.wants(1)) return {call.in()};
  return {call.in(), torch::ones(call.in().sizes(), torch::kBool)};
}

Tensors flatten(const OnnxCall& call) {
  const Tensor& x = call.in();
  std::int64_t axis = call.integer("axis", 1);
  if (axis != x.dim()) axis = call.axis(axis, x.dim());  // the end is a place too
  std::int64_t rows = 1, columns = 1;
  for (std::int64_t i = 0; i < x.dim(); ++i) (i < axis ? rows : columns) *= x.size(i);
  return {x.reshape({rows, columns})};
}

/// A size of 0 is the input's (unless allowzero), one of -1 is what remains.
Tensors reshape(const OnnxCall& call) {
  const Tensor& x = call.in();
  Numbers shape = call.integers_in(1);
  std::int64_t known = 1;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 0 && !call.flag("allowzero", false)) {
      call.require(static_cast<std::int64_t>(i) < x.dim(), "its shape keeps a size that its input does not have");
      shape[i] = x.size(static_cast<std::int64_t>(i));
    }
    call.require(shape[i] >= -1, "its shape has a negative size");
    if (shape[i] != -1) call.require(!__builtin_mul_overflow(known, shape[i], &known), "its shape is too large");
  }
  const auto unknown = std::count(shape.begin(), shape.end(), -1);
  call.require(unknown <= 1, "its shape leaves two sizes open");
  call.require(unknown == 0 ? known == x.numel() : known != 0 && x.numel() % known == 0,
               "its shape does not hold the elements of its input");
  return {x.reshape(shape)};
}

Tensors transpose(const OnnxCall& call) {
  const Tensor& x = call.in();
  Numbers order = call.integers("perm");
  if (order.empty()) {
    for (std::int64_t i = x.dim(); i-- > 0;) order.push_back(i);
  }
  call.require(static_cast<std::int64_t>(order.size()) == x.dim(), "its order does not fit the shape of its input");
  return {x.permute(call.axes(order, x.dim()))};
}

/// Axes are an attribute before opset 13, and an input since.
Numbers axes_of(const OnnxCall& call) { return call.opset() < 13 ? call.integers("axes") : call.integers_in(1); }

Tensors squeeze(const OnnxCall& call) {
  const Tensor& x = call.in();
  if (!call.has_attribute("axes") && !call.has(1)) return {x.squeeze()};
  Numbers axes = call.axes(axes_of(call), x.dim());
  std::sort(axes.rbegin(), axes.rend());
  Tensor result = x;
  for (const auto axis : axes) {
    call.require(x.size(axis) == 1, "it squeezes an axis that is not of size 1");
    result = result.squeeze(axis);
  }
  return {result};
}

Tensors unsqueeze(const OnnxCall& call) {
  const Numbers wanted = axes_of(call);
  call.require(wanted.size() <= 16, "a tensor has more than 16 dimensions");
  Numbers axes = call.axes(wanted, call.in().dim() + static_cast<std::int64_t>(wanted.size()));
  std::sort(axes.begin(), axes.end());
  Tensor result = call.in();
  for (const auto axis : axes) result = result.unsqueeze(axis);
  return {result};
}

Tensors expand(const OnnxCall& call) {
  const Tensor& x = call.in();
  Numbers shape = call.integers_in(1);
  if (static_cast<std::int64_t>(shape.size()) < x.dim()) {
    shape.insert(shape.begin(), static_cast<std::size_t>(x.dim()) - shape.size(), 1);
  }
  const std::size_t extra = shape.size() - static_cast<std::size_t>(x.dim());
  for (std::size_t i = extra; i < shape.size(); ++i) {
    const std::int64_t size = x.size(static_cast<std::int64_t>(i - extra));
    call.require(size == shape[i] || size == 1 || shape[i] == 1, "its shape does not fit its input");
    if (shape[i] == 1) shape[i] = size;
  }
  call.check_size(shape, x.scalar_type());
  return {x.expand(shape)};
}

Tensors tile(const OnnxCall& call) {
  const Numbers repeats = call.integers_in(1);
  call.require(static_cast<std::int64_t>(repeats.size()) == call.in().dim(), "its repeats do not fit its input");
  Numbers sizes = call.in().sizes().vec();
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    call.require(repeats[i] >= 0 && !__builtin_mul_overflow(sizes[i], repeats[i], &sizes[i]),
                 "its repeats are out of range");
  }
  call.check_size(sizes, call.in().scalar_type());
  return {call.in().repeat(repeats)};
}

Tensors shape(const OnnxCall& call) {
  const std::int64_t rank = call.in().dim();
  const auto place = [&](std::int64_t value) {
    return std::clamp<std::int64_t>(value < 0 ? value + rank : value, 0, rank);
  };
  const std::int64_t start = place(call.integer("start", 0)), end = place(call.integer("end", rank));
  const Numbers sizes = call.in().sizes().vec();
  if (start >= end) return {torch::empty({0}, torch::kLong)};
  return {torch::tensor(Numbers(sizes.begin() + start, sizes.begin() + end), torch::kLong)};
}

Tensors size(const OnnxCall& call) { return {torch::scalar_tensor(call.in().numel(), torch::kLong)}; }

}  // namespace

void add_onnx_shapes(OnnxOperators& operators) {
  operators["Identity"] = {identity};
  operators["Dropout"] = {dropout};
  operators["Flatten"] = {flatten};
  operators["Reshape"] = {reshape};
  operators["Transpose"] = {transpose};
  operators["Squeeze"] = {squeeze};
  operators["Unsqueeze"] = {unsqueeze};
  operators["Expand"] = {expand};
  operators["Tile"] = {tile};
  operators["Shape"] = {shape};
  operators["Size"] = {size};
}

}  // namespace mlrun::deploy
