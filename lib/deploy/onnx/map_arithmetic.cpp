#include "deploy/traced_operator.h"

/// Arithmetic on elements, sums over axes and products of matrices.
namespace mlrun::deploy {
namespace {

template <const char* kType>
void map_unary(TracedOperator& op) {
  op.give(op.onnx.add(kType, {op.operand("self")}));
}

constexpr char kAbs[] = "Abs", kExp[] = "Exp", kFloor[] = "Floor", kLog[] = "Log", kNeg[] = "Neg", kRound[] = "Round",
               kSqrt[] = "Sqrt";

/// `other`, times alpha where that is not 1.
std::string scaled(TracedOperator& op, const std::string& argument) {
  const std::string operand = op.operand(argument);
  const double alpha = op.has("alpha") ? op.number("alpha") : 1;
  if (alpha == 1) return operand;
  return op.onnx.add("Mul", {operand, op.onnx.scalar(alpha, op.output_dtype())});
}

void map_add(TracedOperator& op) { op.give(op.onnx.add("Add", {op.operand("self"), scaled(op, "other")})); }
void map_sub(TracedOperator& op) { op.give(op.onnx.add("Sub", {op.operand("self"), scaled(op, "other")})); }
void map_rsub(TracedOperator& op) { op.give(op.onnx.add("Sub", {op.operand("other"), scaled(op, "self")})); }
void map_mul(TracedOperator& op) { op.give(op.onnx.add("Mul", {op.operand("self"), op.operand("other")})); }

/// What is left of `self` after whole times `other`, of the sign of `other` as in Python.
std::string remainder(TracedOperator& op) {
  if (!at::isIntegralType(op.output_dtype(), /*includeBool=*/false)) op.refuse("is of no whole numbers");
  return op.onnx.add("Mod", {op.operand("self"), op.operand("other")});
}

void map_remainder(TracedOperator& op) { op.give(remainder(op)); }

void map_div(TracedOperator& op) {
  if (op.has("rounding_mode") && !op.is_none("rounding_mode")) {
    if (op.text("rounding_mode") != "floor") op.refuse("rounds its quotient");
    const std::string whole = op.onnx.add("Sub", {op.operand("self"), remainder(op)});
    return op.give(op.onnx.add("Div", {whole, op.operand("other")}));
  }
  op.give(op.onnx.add("Div", {op.operand("self"), op.operand("other")}));
}

void map_log2(TracedOperator& op) {
  const std::string two = op.onnx.scalar(2, op.output_dtype());
  op.give(op.onnx.add("Div", {op.onnx.add("Log", {op.operand("self")}), op.onnx.add("Log", {two})}));
}

void map_pow(TracedOperator& op) { op.give(op.onnx.add("Pow", {op.operand("self"), op.operand("exponent")})); }

void map_matmul(TracedOperator& op) {
  op.give(op.onnx.add("MatMul", {op.tensor("self"), op.tensor(op.has("other") ? "other" : "mat2")}));
}

/// The axes of a reduction from the front; all where none are named.
std::vector<std::int64_t> reduced_axes(TracedOperator& op) {
  std::vector<std::int64_t> axes;
  if (op.has("dim") && !op.is_none("dim")) axes = op.integers("dim");
  for (auto& axis : axes) axis = op.axis("self", axis);
  if (!axes.empty()) return axes;
  for (std::int64_t axis = 0; axis < op.rank("self"); ++axis) axes.push_back(axis);
  return axes;
}

std::int64_t keeps_axes(TracedOperator& op) { return op.has("keepdim") && op.flag("keepdim") ? 1 : 0; }

void map_mean(TracedOperator& op) {
  op.give(op.onnx.add("ReduceMean", {op.operand("self")}, {{"axes", reduced_axes(op)}, {"keepdims", keeps_axes(op)}}));
}

void map_sum(TracedOperator& op) {
  op.give(
      op.onnx.add("ReduceSum", {op.operand("self"), op.onnx.ints(reduced_axes(op))}, {{"keepdims", keeps_axes(op)}}));
}

void map_norm(TracedOperator& op) {
  const std::string order = op.has("p") ? "p" : "ord";
  if (!op.is_none(order) && op.number(order) != 2) op.refuse("is no Euclidean norm");
  op.give(op.onnx.add("ReduceL2", {op.operand("self")}, {{"axes", reduced_axes(op)}, {"keepdims", keeps_axes(op)}}));
}

}  // namespace

void add_arithmetic_mappings(OnnxMappings& mappings) {
  mappings.insert({{"abs", map_unary<kAbs>},
                   {"exp", map_unary<kExp>},
                   {"floor", map_unary<kFloor>},
                   {"log", map_unary<kLog>},
                   {"log2", map_log2},
                   {"neg", map_unary<kNeg>},
                   {"round", map_unary<kRound>},
                   {"sqrt", map_unary<kSqrt>},
                   {"add", map_add},
                   {"sub", map_sub},
                   {"rsub", map_rsub},
                   {"mul", map_mul},
                   {"div", map_div},
                   {"remainder", map_remainder},
                   {"pow", map_pow},
                   {"matmul", map_matmul},
                   {"bmm", map_matmul},
                   {"mm", map_matmul},
                   {"mean", map_mean},
                   {"sum", map_sum},
                   {"norm", map_norm},
                   {"linalg_vector_norm", map_norm}});
}

}  // namespace mlrun::deploy
