#include <algorithm>
#include <numeric>

#include <torch/types.h>

#include "deploy/onnx/ops.h"

namespace mlrun::deploy {
namespace {

using torch::Tensor;
using Tensors = std::vector<Tensor>;
using Numbers = std::vector<std::int64_t>;

/// Indices into an axis of `size` elements, those counted from the end made positive. Refuses those outside.
Tensor checked(const OnnxCall& call, const Tensor& indices, std::int64_t size) {
  call.require(at::isIntegralType(indices.scalar_type(), /*includeBool=*/false), "its indices must be whole numbers");
  const Tensor numbers = indices.to(torch::kLong);
  if (numbers.numel() == 0) return numbers;
  call.require(numbers.min().item<std::int64_t>() >= -size && numbers.max().item<std::int64_t>() < size,
               "an index is out of range");
  return torch::where(numbers.lt(0), numbers.add(size), numbers);
}

Tensors gather(const OnnxCall& call) {
  const Tensor& x = call.in();
  const std::int64_t axis = call.axis(call.integer("axis", 0), x.dim());
  const Tensor indices = checked(call, call.in(1), x.size(axis));
  Numbers sizes = x.sizes().vec();
  sizes.erase(sizes.begin() + axis);
  sizes.insert(sizes.begin() + axis, indices.sizes().begin(), indices.sizes().end());
  call.check_size(sizes, x.scalar_type());
  return {x.index_select(axis, indices.reshape({-1})).reshape(sizes)};
}

/// Do `indices` lie within `data` along every axis but `axis`?
void check_alongside(const OnnxCall& call, const Tensor& data, const Tensor& indices, std::int64_t axis) {
  call.require(indices.dim() == data.dim(), "its indices do not fit its input");
  for (std::int64_t i = 0; i < data.dim(); ++i) {
    call.require(i == axis || indices.size(i) <= data.size(i), "its indices do not fit its input");
  }
}

Tensors gather_elements(const OnnxCall& call) {
  const std::int64_t axis = call.axis(call.integer("axis", 0), call.in().dim());
  check_alongside(call, call.in(), call.in(1), axis);
  return {call.in().gather(axis, checked(call, call.in(1), call.in().size(axis)))};
}

Tensors scatter_elements(const OnnxCall& call) {
  const std::int64_t axis = call.axis(call.integer("axis", 0), call.in().dim());
  check_alongside(call, call.in(), call.in(1), axis);
  call.require(call.in(2).sizes() == call.in(1).sizes() && call.in(2).scalar_type() == call.in().scalar_type(),
               "its updates do not fit its indices");
  const Tensor indices = checked(call, call.in(1), call.in().size(axis));
  const std::string how = call.text("reduction", "none");
  if (how == "none") return {call.in().scatter(axis, indices, call.in(2))};
  call.require(how == "add", "mlrun does not compute this reduction");
  return {call.in().scatter_add(axis, indices, call.in(2))};
}

/// The last axis of `indices` as places in `data`, whose first axes are taken for one. `count`: how many axes.
Tensor flat_places(const OnnxCall& call, const Tensor& data, const Tensor& indices, std::int64_t first,
                   std::int64_t count) {
  Tensor places = torch::zeros(indices.sizes().slice(0, static_cast<std::size_t>(indices.dim() - 1)), torch::kLong);
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t size = data.size(first + i);
    places = places.mul(size).add(checked(call, indices.select(-1, i), size));
  }
  return places;
}

Tensors gather_nd(const OnnxCall& call) {
  const Tensor &data = call.in(), &indices = call.in(1);
  const std::int64_t batch = call.integer("batch_dims", 0);
  call.require(batch == 0, "mlrun does not compute it with batch_dims");
  call.require(indices.dim() >= 1 && indices.size(-1) >= 1 && indices.size(-1) <= data.dim(),
               "its indices do not fit its input");
  const std::int64_t count = indices.size(-1);
  const Tensor places = flat_places(call, data, indices, 0, count);
  Numbers sizes = places.sizes().vec();
  const auto rest = data.sizes().slice(static_cast<std::size_t>(count));
  sizes.insert(sizes.end(), rest.begin(), rest.end());
  call.check_size(sizes, data.scalar_type());
  return {data.flatten(0, count - 1).index_select(0, places.reshape({-1})).reshape(sizes)};
}

Tensors scatter_nd(const OnnxCall& call) {
  const Tensor &data = call.in(), &indices = call.in(1), &updates = call.in(2);
  call.require(call.text("reduction", "none") == "none", "mlrun does not compute this reduction");
  call.require(indices.dim() >= 1 && indices.size(-1) >= 1 && indices.size(-1) <= data.dim(),
               "its indices do not fit its input");
  const std::int64_t count = indices.size(-1);
  const Tensor places = flat_places(call, data, indices, 0, count);
  const auto rest = data.sizes().slice(static_cast<std::size_t>(count));
  Numbers sizes = places.sizes().vec();
  sizes.insert(sizes.end(), rest.begin(), rest.end());
  call.require(updates.sizes() == at::IntArrayRef(sizes) && updates.scalar_type() == data.scalar_type(),
               "its updates do not fit its indices");
  Numbers flat = {places.numel()};
  flat.insert(flat.end(), rest.begin(), rest.end());
  const Tensor result = data.flatten(0, count - 1).index_copy(0, places.reshape({-1}), updates.reshape(flat));
  return {result.reshape(data.sizes())};
}

struct SliceRange {
  std::int64_t axis = 0, start = 0, end = 0, step = 1;
};

/// Attributes before opset 10, inputs since.
std::vector<SliceRange> slice_ranges(const OnnxCall& call) {
  const bool old = call.opset() < 10;
  const Numbers starts = old ? call.integers("starts") : call.integers_in(1);
  const Numbers ends = old ? call.integers("ends") : call.integers_in(2);
  Numbers axes(starts.size());
  std::iota(axes.begin(), axes.end(), 0);
  if (old) axes = call.integers("axes", axes);
  else if (call.has(3)) axes = call.integers_in(3);
  const Numbers steps = !old && call.has(4) ? call.integers_in(4) : Numbers(starts.size(), 1);
  call.require(ends.size() == starts.size() && axes.size() == starts.size() && steps.size() == starts.size(),
               "its lists have different lengths");
  axes = call.axes(axes, call.in().dim());
  std::vector<SliceRange> ranges;
  for (std::size_t i = 0; i < starts.size(); ++i) ranges.push_back({axes[i], starts[i], ends[i], steps[i]});
  return ranges;
}

/// One range, with what ONNX says of ends that lie outside.
Tensor cut(const OnnxCall& call, const Tensor& x, const SliceRange& range) {
  const std::int64_t size = x.size(range.axis), step = range.step;
  call.require(step != 0 && step > INT64_MIN, "its step is zero");
  const auto place = [&](std::int64_t value, std::int64_t least, std::int64_t most) {
    return std::clamp(value < 0 ? std::max(value, -size - 1) + size : std::min(value, size), least, most);
  };
  if (step > 0) {
    const std::int64_t start = place(range.start, 0, size), end = place(range.end, 0, size);
    return x.slice(range.axis, start, std::max(start, end), std::min(step, std::max<std::int64_t>(size, 1)));
  }
  if (size == 0) return x;
  const std::int64_t start = place(range.start, 0, size - 1), end = place(range.end, -1, size - 1);
  if (start <= end) return x.narrow(range.axis, 0, 0);
  return x.narrow(range.axis, end + 1, start - end)
      .flip({range.axis})
      .slice(range.axis, 0, size, std::min(-step, size));
}

Tensors slice(const OnnxCall& call) {
  Tensor result = call.in();
  for (const auto& range : slice_ranges(call)) result = cut(call, result, range);
  return {result};
}

/// Sizes are an attribute before opset 13, and an input since; none: equal parts.
Tensors split(const OnnxCall& call) {
  const Tensor& x = call.in();
  const std::int64_t axis = call.axis(call.integer("axis", 0), x.dim()), size = x.size(axis);
  Numbers sizes = call.has(1) ? call.integers_in(1) : call.integers("split");
  if (sizes.empty()) {
    const auto count = static_cast<std::int64_t>(call.outputs());
    call.require(call.integer("num_outputs", count) == count, "its num_outputs is not that of its outputs");
    call.require(call.opset() >= 18 || size % count == 0, "its input cannot be split into equal parts");
    const std::int64_t part = (size + count - 1) / count;
    for (std::int64_t i = 0; i < count; ++i) sizes.push_back(std::clamp<std::int64_t>(size - i * part, 0, part));
  }
  call.require(sizes.size() == call.outputs(), "it has another number of parts than of outputs");
  std::int64_t begin = 0;
  Tensors parts;
  for (const auto part : sizes) {
    call.require(part >= 0 && part <= size - begin, "its parts do not fit its input");
    parts.push_back(x.narrow(axis, begin, part));
    begin += part;
  }
  call.require(begin == size, "its parts do not fit its input");
  return parts;
}

}  // namespace

void add_onnx_indexing(OnnxOperators& operators) {
  operators["Gather"] = {gather};
  operators["GatherElements"] = {gather_elements};
  operators["GatherND"] = {gather_nd};
  operators["ScatterElements"] = {scatter_elements};
  operators["ScatterND"] = {scatter_nd};
  operators["Slice"] = {slice};
  operators["Split"] = {split};
}

}  // namespace mlrun::deploy
