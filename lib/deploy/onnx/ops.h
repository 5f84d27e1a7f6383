#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <torch/types.h>

#include "deploy/onnx/graph.h"

/// ONNX's operators as functions on tensors. What they mean is said at https://onnx.ai/onnx/operators.
namespace mlrun::deploy {

/// One call of an operator: its inputs and attributes, checked where they are asked for.
class OnnxCall {
 public:
  OnnxCall(const OnnxNode& node, std::int64_t opset, std::vector<torch::Tensor> inputs, std::int64_t most_bytes)
      : node_(node), opset_(opset), inputs_(std::move(inputs)), most_bytes_(most_bytes) {}

  std::int64_t opset() const { return opset_; }
  const std::vector<torch::Tensor>& inputs() const { return inputs_; }
  std::size_t outputs() const { return node_.outputs.size(); }
  /// Is output `index` given a name?
  bool wants(std::size_t index) const { return index < outputs() && !node_.outputs[index].empty(); }

  bool has(std::size_t index) const { return index < inputs_.size() && inputs_[index].defined(); }
  const torch::Tensor& in(std::size_t index = 0) const;
  /// Input `index` as whole numbers, or as one.
  std::vector<std::int64_t> integers_in(std::size_t index) const;
  std::int64_t integer_in(std::size_t index) const;

  bool has_attribute(const std::string& name) const { return node_.attributes.count(name) != 0; }
  std::int64_t integer(const std::string& name, std::int64_t otherwise) const;
  bool flag(const std::string& name, bool otherwise) const { return integer(name, otherwise ? 1 : 0) != 0; }
  double number(const std::string& name, double otherwise) const;
  std::string text(const std::string& name, const std::string& otherwise) const;
  std::vector<std::int64_t> integers(const std::string& name, std::vector<std::int64_t> otherwise = {}) const;
  std::vector<double> numbers(const std::string& name) const;
  torch::Tensor tensor(const std::string& name) const;

  /// An axis of a tensor with `rank` dimensions, counted from its end where negative.
  std::int64_t axis(std::int64_t value, std::int64_t rank) const;
  std::vector<std::int64_t> axes(std::vector<std::int64_t> values, std::int64_t rank) const;

  /// Refuses a value of these sizes where they are negative or more than the limits allow.
  void check_size(const std::vector<std::int64_t>& sizes, torch::ScalarType dtype) const;
  /// `what` is wrong with this node: UserError that names it.
  [[noreturn]] void fail(const std::string& what) const;
  void require(bool condition, const char* what) const {
    if (!condition) fail(what);
  }

 private:
  const OnnxNode& node_;
  std::int64_t opset_;
  std::vector<torch::Tensor> inputs_;
  std::int64_t most_bytes_;
};

/// What is wrong with a node, without its name; OnnxModel adds file and name.
class OnnxNodeError : public std::exception {
 public:
  explicit OnnxNodeError(std::string message) : message_(std::move(message)) {}
  const char* what() const noexcept override { return message_.c_str(); }

 private:
  std::string message_;
};

struct OnnxOperator {
  std::vector<torch::Tensor> (*run)(const OnnxCall& call) = nullptr;
  /// Computes in float32 where its inputs are 16-bit floats, as runtimes on the CPU do.
  bool widens = false;
};

using OnnxOperators = std::map<std::string_view, OnnxOperator>;

void add_onnx_math(OnnxOperators& operators);
void add_onnx_activations(OnnxOperators& operators);
void add_onnx_comparisons(OnnxOperators& operators);
void add_onnx_products(OnnxOperators& operators);
void add_onnx_convolution(OnnxOperators& operators);
void add_onnx_pooling(OnnxOperators& operators);
void add_onnx_normalization(OnnxOperators& operators);
void add_onnx_reductions(OnnxOperators& operators);
void add_onnx_shapes(OnnxOperators& operators);
void add_onnx_makers(OnnxOperators& operators);
void add_onnx_indexing(OnnxOperators& operators);
void add_onnx_rearrangement(OnnxOperators& operators);
void add_onnx_resize(OnnxOperators& operators);
void add_onnx_quantization(OnnxOperators& operators);
void add_onnx_boxes(OnnxOperators& operators);

/// An operator from one tensor to one, without attributes.
template <class Function>
void add_onnx_unary(OnnxOperators& operators, std::string_view name, Function) {
  operators[name] = {[](const OnnxCall& call) { return std::vector<torch::Tensor>{Function{}(call.in())}; }, true};
}

/// All operators that are known, by ONNX's names.
const OnnxOperators& onnx_operators();

/// The sizes that tensors of these sizes are broadcast to, as numpy does; fails where they do not fit.
std::vector<std::int64_t> onnx_broadcast(const OnnxCall& call, const std::vector<torch::Tensor>& tensors);

/// Where windows lie on an image: of convolution and of pooling. Lists have one number for each spatial dimension.
struct OnnxWindows {
  std::vector<std::int64_t> kernel, strides, dilations, before, after;
  std::vector<std::int64_t> output;  ///< sizes of what comes out
  bool symmetric() const { return before == after; }
  /// before and after, in the order of torch's constant_pad_nd.
  std::vector<std::int64_t> padding() const;
};

/// Of the node's attributes (strides, dilations, pads, auto_pad, ceil_mode) for `input`, [N, C, spatial...].
OnnxWindows onnx_windows(const OnnxCall& call, const torch::Tensor& input, std::vector<std::int64_t> kernel);

/// Convolution with these windows, in groups; `bias` may be undefined.
torch::Tensor onnx_convolve(const OnnxCall& call, const torch::Tensor& input, const torch::Tensor& weight,
                            const torch::Tensor& bias);

}  // namespace mlrun::deploy
