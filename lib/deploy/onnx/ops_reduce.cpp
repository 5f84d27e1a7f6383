#include <algorithm>
#include <numeric>

#include <torch/types.h>

#include "deploy/onnx/ops.h"

namespace mlrun::deploy {
namespace {

using torch::Tensor;
using Tensors = std::vector<Tensor>;
using Numbers = std::vector<std::int64_t>;

/// Axes are an attribute, and an input since opset 18 (since 13 of ReduceSum). None: all, or nothing to do.
template <class Function>
void reduction(OnnxOperators& operators, std::string_view name, Function) {
  operators[name] = {[](const OnnxCall& call) {
                       const Tensor& x = call.in();
                       Numbers axes = call.has(1) ? call.integers_in(1) : call.integers("axes");
                       if (axes.empty()) {
                         if (call.flag("noop_with_empty_axes", false)) return Tensors{x};
                         axes.resize(static_cast<std::size_t>(x.dim()));
                         std::iota(axes.begin(), axes.end(), 0);
                       }
                       axes = call.axes(axes, x.dim());
                       if (axes.empty()) return Tensors{Function{}(x.reshape({1}), {0}, false)};
                       return Tensors{Function{}(x, axes, call.flag("keepdims", true))};
                     },
                     true};
}

Tensor product(Tensor x, Numbers axes, bool keep) {
  std::sort(axes.rbegin(), axes.rend());
  for (const auto axis : axes) x = at::prod(x, axis, keep, x.scalar_type());
  return x;
}

Tensor sum(const Tensor& x, const Numbers& axes, bool keep) { return x.sum(axes, keep, x.scalar_type()); }

/// Each of `axes` has elements, among which one is the largest.
const Tensor& inhabited(const Tensor& x, const Numbers& axes) {
  for (const auto axis : axes) {
    if (x.size(axis) == 0) throw OnnxNodeError("it takes the largest or least of nothing");
  }
  return x;
}

/// ArgMax and ArgMin; where several are the same, the first or the last.
template <bool kLargest>
Tensors position(const OnnxCall& call) {
  const Tensor& x = call.in();
  call.require(x.dim() > 0 && x.numel() > 0, "its input is empty");
  const std::int64_t axis = call.axis(call.integer("axis", 0), x.dim());
  const bool last = call.flag("select_last_index", false), keep = call.flag("keepdims", true);
  const Tensor seen = last ? x.flip({axis}) : x;
  const Tensor extreme = kLargest ? seen.amax({axis}, true) : seen.amin({axis}, true);
  // The first of equals: ATen does not say which one its argmax gives.
  const Tensor found = seen.eq(extreme).logical_or(seen.ne(seen)).to(torch::kByte);
  const Tensor index = found.cumsum(axis, torch::kLong).eq(0).sum(axis, keep);
  return {last ? index.neg().add(x.size(axis) - 1) : index};
}

/// The largest or smallest k, in order; of equals the first.
Tensors top_k(const OnnxCall& call) {
  const Tensor& x = call.in();
  call.require(x.dim() > 0, "its input is a single number");
  const std::int64_t axis = call.axis(call.integer("axis", -1), x.dim());
  const std::int64_t k = call.opset() < 10 ? call.integer("k", 0) : call.integer_in(1);
  call.require(k >= 0 && k <= x.size(axis), "its k is more than there are elements");
  const auto [values, indices] = at::sort(x, c10::make_optional(true), axis, call.flag("largest", true));
  return {values.narrow(axis, 0, k), indices.narrow(axis, 0, k)};
}

Tensors cumulative_sum(const OnnxCall& call) {
  const Tensor& x = call.in();
  const std::int64_t axis = call.axis(call.integer_in(1), x.dim());
  const bool reverse = call.flag("reverse", false);
  const Tensor seen = reverse ? x.flip({axis}) : x;
  Tensor sums = seen.cumsum(axis, x.scalar_type());
  if (call.flag("exclusive", false) && x.size(axis) > 0) {  // by moving: infinities cannot be taken away again
    sums = torch::cat({torch::zeros_like(sums.narrow(axis, 0, 1)), sums.narrow(axis, 0, x.size(axis) - 1)}, axis);
  }
  return {reverse ? sums.flip({axis}) : sums};
}

}  // namespace

void add_onnx_reductions(OnnxOperators& operators) {
  reduction(operators, "ReduceSum", [](const Tensor& x, const Numbers& a, bool keep) { return sum(x, a, keep); });
  reduction(operators, "ReduceMean", [](const Tensor& x, const Numbers& a, bool keep) {
    if (at::isFloatingType(x.scalar_type())) return x.mean(a, keep);
    return x.to(torch::kDouble).mean(a, keep).trunc().to(x.scalar_type());
  });
  reduction(operators, "ReduceMax",
            [](const Tensor& x, const Numbers& a, bool keep) { return inhabited(x, a).amax(a, keep); });
  reduction(operators, "ReduceMin",
            [](const Tensor& x, const Numbers& a, bool keep) { return inhabited(x, a).amin(a, keep); });
  reduction(operators, "ReduceProd", [](const Tensor& x, const Numbers& a, bool keep) { return product(x, a, keep); });
  reduction(operators, "ReduceL1", [](const Tensor& x, const Numbers& a, bool keep) { return sum(x.abs(), a, keep); });
  reduction(operators, "ReduceL2",
            [](const Tensor& x, const Numbers& a, bool keep) { return sum(x.square(), a, keep).sqrt(); });
  reduction(operators, "ReduceSumSquare",
            [](const Tensor& x, const Numbers& a, bool keep) { return sum(x.square(), a, keep); });
  reduction(operators, "ReduceLogSum",
            [](const Tensor& x, const Numbers& a, bool keep) { return sum(x, a, keep).log(); });
  reduction(operators, "ReduceLogSumExp",
            [](const Tensor& x, const Numbers& a, bool keep) { return x.logsumexp(a, keep); });
  operators["ArgMax"] = {position<true>};
  operators["ArgMin"] = {position<false>};
  operators["TopK"] = {top_k};
  operators["CumSum"] = {cumulative_sum, true};
}

}  // namespace mlrun::deploy
