#include <algorithm>
#include <cctype>

#include <torch/types.h>

#include "deploy/onnx/ops.h"

namespace mlrun::deploy {
namespace {

using torch::Tensor;
using Tensors = std::vector<Tensor>;

/// numpy's matmul; ATen's is the same. Refuses sizes that do not fit, or come to too much.
Tensor multiply(const OnnxCall& call, const Tensor& a, const Tensor& b) {
  call.require(a.dim() >= 1 && b.dim() >= 1, "it multiplies a single number");
  const Tensor left = a.dim() == 1 ? a.unsqueeze(0) : a, right = b.dim() == 1 ? b.unsqueeze(1) : b;
  const std::int64_t rows = left.size(-2), inner = left.size(-1), columns = right.size(-1);
  call.require(inner == right.size(-2), "the shapes of its inputs do not fit together");
  // Batch dimensions alone, by views that share everything else.
  const std::vector<std::int64_t> batch =
      onnx_broadcast(call, {left.select(-1, 0).select(-1, 0), right.select(-1, 0).select(-1, 0)});
  for (const auto& [height, width] : {std::pair(rows, inner), std::pair(inner, columns), std::pair(rows, columns)}) {
    auto sizes = batch;
    sizes.insert(sizes.end(), {height, width});
    call.check_size(sizes, a.scalar_type());
  }
  return at::matmul(a, b);
}

Tensors matmul(const OnnxCall& call) {
  call.require(call.in(0).scalar_type() == call.in(1).scalar_type(), "its inputs have different types");
  call.require(call.in(0).numel() > 0 && call.in(1).numel() > 0, "it multiplies empty matrices");
  return {multiply(call, call.in(0), call.in(1))};
}

/// Can `tensor` be repeated to these sizes?
bool fits(const Tensor& tensor, const std::vector<std::int64_t>& sizes) {
  const auto extra = static_cast<std::int64_t>(sizes.size()) - tensor.dim();
  if (extra < 0) return false;
  for (std::int64_t i = 0; i < tensor.dim(); ++i) {
    if (tensor.size(i) != 1 && tensor.size(i) != sizes[static_cast<std::size_t>(i + extra)]) return false;
  }
  return true;
}

/// A factor for numbers of `type`, which may be whole ones.
at::Scalar factor(const OnnxCall& call, const char* name, torch::ScalarType type) {
  const double value = call.number(name, 1);
  if (!at::isIntegralType(type, /*includeBool=*/true)) return value;
  call.require(value == static_cast<double>(static_cast<std::int32_t>(std::clamp(value, -1e9, 1e9))),
               "its factors must be whole numbers, as its inputs are");
  return static_cast<std::int64_t>(value);
}

Tensors gemm(const OnnxCall& call) {
  call.require(call.in(0).dim() == 2 && call.in(1).dim() == 2, "its inputs must be matrices");
  const Tensor a = call.flag("transA", false) ? call.in(0).t() : call.in(0);
  const Tensor b = call.flag("transB", false) ? call.in(1).t() : call.in(1);
  call.require(a.size(1) == b.size(0), "the shapes of its inputs do not fit together");
  call.require(a.scalar_type() == b.scalar_type(), "its inputs have different types");
  const std::vector<std::int64_t> sizes = {a.size(0), b.size(1)};
  call.check_size(sizes, a.scalar_type());
  const at::Scalar alpha = factor(call, "alpha", a.scalar_type()), beta = factor(call, "beta", a.scalar_type());
  if (!call.has(2)) return {at::mm(a, b).mul(alpha)};
  const Tensor& c = call.in(2);
  call.require(c.scalar_type() == a.scalar_type(), "its inputs have different types");
  call.require(fits(c, sizes), "the shapes of its inputs do not fit together");
  return {at::addmm(c.expand(sizes), a, b, beta, alpha)};
}

/// Sizes by label; `.` stands for what an ellipsis covers, as one number.
using LabelSizes = std::map<char, std::int64_t>;

void add_labels(const OnnxCall& call, std::string labels, const Tensor& operand, LabelSizes& sizes) {
  const auto dots = labels.find("...");
  if (dots != std::string::npos) labels.erase(dots, 3);
  const auto letters = static_cast<std::int64_t>(labels.size());
  call.require(std::all_of(labels.begin(), labels.end(), [](unsigned char c) { return std::isalpha(c) != 0; }),
               "its equation is not understood");
  call.require(letters <= operand.dim() && (dots != std::string::npos || letters == operand.dim()),
               "its equation does not fit its inputs");
  std::int64_t named = 1;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto axis = static_cast<std::int64_t>(i);
    const std::int64_t size = operand.size(i < dots ? axis : axis - letters);
    named *= size;
    sizes[labels[i]] = std::max(sizes[labels[i]], size);
  }
  if (dots != std::string::npos) sizes['.'] = std::max(sizes['.'], operand.numel() / named);
}

/// One or two operands, so nothing on the way is larger than what comes out.
Tensors einsum(const OnnxCall& call) {
  std::string equation = call.text("equation", "");
  equation.erase(std::remove(equation.begin(), equation.end(), ' '), equation.end());
  const auto arrow = equation.find("->");
  const std::string left = equation.substr(0, arrow),
                    kept = equation.substr(arrow == std::string::npos ? 0 : arrow + 2);
  const std::size_t count = call.inputs().size();
  call.require(count <= 2, "it has more than two inputs");
  call.require(static_cast<std::size_t>(std::count(left.begin(), left.end(), ',')) + 1 == count,
               "its equation does not fit its inputs");
  LabelSizes sizes;
  for (std::size_t i = 0; i < count; ++i) {
    call.require(call.in(i).numel() > 0, "its input is empty");
    call.require(call.in(i).scalar_type() == call.in().scalar_type(), "its inputs have different types");
    const auto comma = left.find(',');
    add_labels(call, i == 0 ? left.substr(0, comma) : left.substr(comma + 1), call.in(i), sizes);
  }
  std::vector<std::int64_t> output;
  for (const auto& [label, size] : sizes) {
    if (kept.find(label) != std::string::npos) output.push_back(size);
  }
  call.check_size(output, call.in().scalar_type());
  return {at::einsum(equation, call.inputs())};
}

}  // namespace

void add_onnx_products(OnnxOperators& operators) {
  operators["MatMul"] = {matmul, true};
  operators["Gemm"] = {gemm, true};
  operators["Einsum"] = {einsum, true};
}

}  // namespace mlrun::deploy
