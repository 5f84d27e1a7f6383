#include <torch/types.h>

#include "deploy/traced_operator.h"

/// Comparisons, and what orders or finds values: operators whose results depend on numbers, in how many there are, too.
namespace mlrun::deploy {
namespace {

constexpr char kGreater[] = "Greater", kGreaterOrEqual[] = "GreaterOrEqual", kLess[] = "Less",
               kLessOrEqual[] = "LessOrEqual", kEqual[] = "Equal", kAnd[] = "And", kOr[] = "Or";

/// Numbers are compared in the type of `self`.
template <const char* kType>
void map_comparison(TracedOperator& op) {
  const torch::ScalarType type = op.dtype("self");
  if (op.is_known("other") && !op.constant("other").isTensor()) {
    return op.give(op.onnx.add(kType, {op.tensor("self"), op.onnx.scalar(op.number("other"), type)}));
  }
  if (op.dtype("other") != type) op.refuse("compares numbers of two types");
  op.give(op.onnx.add(kType, {op.tensor("self"), op.tensor("other")}));
}

template <const char* kType>
void map_logical(TracedOperator& op) {
  if (op.dtype("self") != torch::kBool || op.dtype("other") != torch::kBool) op.refuse("takes no truth values");
  op.give(op.onnx.add(kType, {op.tensor("self"), op.tensor("other")}));
}

void map_nonzero(TracedOperator& op) {
  const std::vector<std::int64_t> axes = {1, 0};
  op.give(op.onnx.add("Transpose", {op.onnx.add("NonZero", {op.tensor("self")})}, {{"perm", axes}}));
}

std::vector<std::string> ordered(TracedOperator& op, const std::string& count, bool largest) {
  return op.onnx.add_many(
      "TopK", {op.tensor("self"), count},
      {{"axis", op.axis("self", op.integer("dim"))}, {"largest", std::int64_t{largest}}, {"sorted", std::int64_t{1}}},
      2);
}

void map_topk(TracedOperator& op) { op.give_all(ordered(op, op.onnx.ints({op.integer("k")}), op.flag("largest"))); }

/// All of them, however many there are.
void map_argsort(TracedOperator& op) {
  const std::int64_t axis = op.axis("self", op.integer("dim"));
  const std::string shape = op.onnx.add("Shape", {op.tensor("self")});
  const std::string count = op.onnx.add("Slice", {shape, op.onnx.ints({axis}), op.onnx.ints({axis + 1})});
  op.give(ordered(op, count, op.flag("descending")).back());
}

}  // namespace

void add_choice_mappings(OnnxMappings& mappings) {
  mappings.insert({{"gt", map_comparison<kGreater>},
                   {"ge", map_comparison<kGreaterOrEqual>},
                   {"lt", map_comparison<kLess>},
                   {"le", map_comparison<kLessOrEqual>},
                   {"eq", map_comparison<kEqual>},
                   {"logical_and", map_logical<kAnd>},
                   {"logical_or", map_logical<kOr>},
                   {"nonzero", map_nonzero},
                   {"topk", map_topk},
                   {"argsort", map_argsort}});
}

}  // namespace mlrun::deploy
