#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <torch/script.h>

#include "deploy/onnx/builder.h"
#include "quant/plan.h"

namespace mlrun::deploy {

/// A quantized tensor of LibTorch's as ONNX has it.
struct TracedIntegers {
  std::string name;  ///< of the ONNX value: uint8
  quant::Scale scale;
};

/// What is known of a value of a trace: a constant of any type, or the name of an ONNX value, or a list of these.
struct TracedValue {
  bool known = false;
  c10::IValue constant;            ///< where it is known
  std::string name;                ///< of the ONNX value, or what the constant is called
  std::vector<TracedValue> items;  ///< of a list that is not known
  /// Of a quantized tensor; `name` is then what DequantizeLinear makes of them.
  std::optional<TracedIntegers> integers = std::nullopt;
};

using TracedValues = std::map<const torch::jit::Value*, TracedValue>;

/// One operator of a trace, as the function that maps it to ONNX sees it. Arguments go by the names of
/// LibTorch's schema.
class TracedOperator {
 public:
  TracedOperator(const torch::jit::Node& node, TracedValues& values, OnnxBuilder& onnx)
      : node_(node), values_(values), onnx(onnx) {}

  /// UserError that names the operator and the layer that made it.
  [[noreturn]] void refuse(const std::string& reason) const;

  bool has(const std::string& argument) const;
  bool is_none(const std::string& argument) const;
  bool is_known(const std::string& argument) const { return value(argument).known; }
  std::int64_t integer(const std::string& argument) const { return constant(argument).toInt(); }
  double number(const std::string& argument) const { return constant(argument).toScalar().toDouble(); }
  bool flag(const std::string& argument) const { return constant(argument).toBool(); }
  std::string text(const std::string& argument) const { return constant(argument).toStringRef(); }
  std::vector<std::int64_t> integers(const std::string& argument) const { return constant(argument).toIntVector(); }
  /// A known argument.
  const c10::IValue& constant(const std::string& argument) const;

  /// The ONNX value of a tensor argument; a constant becomes an initializer.
  std::string tensor(const std::string& argument) const;
  /// The same in the dtype of this operator's output; numbers count as tensors.
  std::string operand(const std::string& argument) const;
  std::vector<std::string> tensors(const std::string& argument) const;
  /// The ONNX values, each one whole number in a row, of a list of sizes that the file measures.
  std::vector<std::string> numbers(const std::string& argument) const;
  /// What a known tensor argument is called in the file.
  std::string name(const std::string& argument) const { return value(argument).name; }

  /// As traced.
  std::vector<std::int64_t> shape(const std::string& argument) const;
  std::int64_t rank(const std::string& argument) const { return static_cast<std::int64_t>(shape(argument).size()); }
  /// An axis counted from the front.
  std::int64_t axis(const std::string& argument, std::int64_t axis) const;
  std::vector<std::int64_t> output_shape() const;
  /// Of a quantized tensor float32: mappings see numbers, not the integers that stand for them.
  torch::ScalarType output_dtype() const;
  /// Of a tensor argument.
  torch::ScalarType dtype(const std::string& argument) const;

  /// Whether its output is a quantized tensor.
  bool gives_integers() const;
  /// The integers of a quantized argument.
  const TracedIntegers& integers_of(const std::string& argument) const;

  /// This operator's output is that ONNX value, float or integer as the trace has it. Where LibTorch keeps the scale of
  /// what it is given, the value becomes integers of it.
  void give(const std::string& name);
  /// This operator's output are integers of that scale: those nearest to the value, and what they stand for.
  void give(const std::string& name, const quant::Scale& scale);
  /// This operator's output are these integers.
  void give_integers(const TracedIntegers& integers);
  void give_list(const std::vector<std::string>& names);
  /// Its outputs, where it has several, are these.
  void give_all(const std::vector<std::string>& names);
  /// This operator's output is its argument.
  void pass(const std::string& argument) { values_[node_.output()] = value(argument); }

  const torch::jit::Node& node() const { return node_; }

 private:
  const TracedValue& value(const std::string& argument) const;
  const quant::Scale& kept_scale() const;
  TracedValue dequantized(const TracedIntegers& integers) const;
  TracedValue quantized(const std::string& name, const quant::Scale& scale) const;
  std::string written(const TracedValue& value) const;

  const torch::jit::Node& node_;
  TracedValues& values_;

 public:
  OnnxBuilder& onnx;
};

/// Writes an operator of LibTorch's with operators of ONNX.
using OnnxMapping = void (*)(TracedOperator&);

/// The mapping of an operator by its name, which begins with its namespace where that is not `aten`; null where there
/// is none.
OnnxMapping find_onnx_mapping(const torch::jit::Node& node);

using OnnxMappings = std::map<std::string, OnnxMapping>;
void add_arithmetic_mappings(OnnxMappings& mappings);
void add_activation_mappings(OnnxMappings& mappings);
void add_layer_mappings(OnnxMappings& mappings);
void add_pooling_mappings(OnnxMappings& mappings);
void add_shape_mappings(OnnxMappings& mappings);
void add_selection_mappings(OnnxMappings& mappings);
void add_quantized_mappings(OnnxMappings& mappings);
void add_dynamic_mappings(OnnxMappings& mappings);
void add_choice_mappings(OnnxMappings& mappings);
void add_box_mappings(OnnxMappings& mappings);

/// x * relu6(x + 3) / 6, which has an operator from opset 14 on.
std::string onnx_hardswish(OnnxBuilder& onnx, const std::string& x);

}  // namespace mlrun::deploy
