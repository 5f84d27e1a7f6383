#include <torch/types.h>

#include "deploy/traced_operator.h"

/// Pooling over windows.
namespace mlrun::deploy {
namespace {

using Ints = std::vector<std::int64_t>;

struct Window {
  Ints kernel, stride, padding;
  bool ceil_mode = false;
};

Window window_of(const TracedOperator& op) {
  const auto pair = [&](const std::string& argument) {
    const Ints numbers = op.integers(argument);
    return numbers.size() == 1 ? Ints(2, numbers[0]) : numbers;
  };
  Window window{pair("kernel_size"), pair("stride"), pair("padding"), op.flag("ceil_mode")};
  if (window.stride.empty()) window.stride = window.kernel;
  return window;
}

OnnxAttributes attributes(const Window& window) {
  const Ints& p = window.padding;
  return {{"kernel_shape", window.kernel},
          {"strides", window.stride},
          {"pads", Ints{p[0], p[1], p[0], p[1]}},
          {"ceil_mode", std::int64_t{window.ceil_mode}}};
}

/// ONNX rounds the number of windows up where LibTorch also drops one that would lie in the padding.
void check_rounding(TracedOperator& op, const Window& window, std::int64_t dilation) {
  if (!window.ceil_mode) return;
  const Ints in = op.shape("self"), out = op.output_shape();
  for (std::size_t axis = 0; axis < 2; ++axis) {
    const std::int64_t room =
        in[in.size() - 2 + axis] + 2 * window.padding[axis] - dilation * (window.kernel[axis] - 1) - 1;
    const std::int64_t stride = window.stride[axis], windows = (room + stride - 1) / stride + 1;
    if (windows != out[out.size() - 2 + axis]) op.refuse("rounds its size up as ONNX does not");
  }
}

void map_max_pool(TracedOperator& op) {
  const Window window = window_of(op);
  for (const std::int64_t dilation : op.integers("dilation")) {
    if (dilation != 1) op.refuse("is dilated");
  }
  check_rounding(op, window, 1);
  op.give(op.onnx.add("MaxPool", {op.tensor("self")}, attributes(window)));
}

void map_avg_pool(TracedOperator& op) {
  const Window window = window_of(op);
  if (window.ceil_mode) op.refuse("rounds its size up, where engines take different means");
  if (!op.is_none("divisor_override")) op.refuse("divides by a number of its own");
  OnnxAttributes given = attributes(window);
  given["count_include_pad"] = std::int64_t{op.flag("count_include_pad")};
  op.give(op.onnx.add("AveragePool", {op.tensor("self")}, given));
}

/// [to, from]: each row is the mean over the window that LibTorch takes.
torch::Tensor window_means(std::int64_t from, std::int64_t to) {
  torch::Tensor means = torch::zeros({to, from});
  for (std::int64_t i = 0; i < to; ++i) {
    const std::int64_t begin = i * from / to, end = ((i + 1) * from + to - 1) / to;
    means[i].slice(0, begin, end).fill_(1.0 / static_cast<double>(end - begin));
  }
  return means;
}

/// Windows of different sizes have no operator: they are two products with matrices.
std::string pooled_by_matrices(TracedOperator& op, const Ints& in, const Ints& out) {
  const std::string layer = op.node().scopeName();
  const torch::Tensor rows = window_means(in[2], out[2]), columns = window_means(in[3], out[3]).t();
  const std::string half = op.onnx.add("MatMul", {op.tensor("self"), op.onnx.constant(columns, layer + "/columns")});
  return op.onnx.add("MatMul", {op.onnx.constant(rows, layer + "/rows"), half});
}

void map_adaptive_avg_pool(TracedOperator& op) {
  const Ints in = op.shape("self"), out = op.output_shape();
  if (in.size() != 4) op.refuse("has no batch");
  if (out[2] == 1 && out[3] == 1) return op.give(op.onnx.add("GlobalAveragePool", {op.tensor("self")}));
  if (in == out) return op.pass("self");
  if (in[2] % out[2] != 0 || in[3] % out[3] != 0) return op.give(pooled_by_matrices(op, in, out));
  const Ints kernel = {in[2] / out[2], in[3] / out[3]};
  op.give(op.onnx.add("AveragePool", {op.tensor("self")}, {{"kernel_shape", kernel}, {"strides", kernel}}));
}

}  // namespace

void add_pooling_mappings(OnnxMappings& mappings) {
  mappings.insert(
      {{"max_pool2d", map_max_pool}, {"avg_pool2d", map_avg_pool}, {"adaptive_avg_pool2d", map_adaptive_avg_pool}});
}

}  // namespace mlrun::deploy
