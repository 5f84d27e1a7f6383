#include <algorithm>
#include <numeric>

#include "deploy/traced_operator.h"

/// Operators that move values without changing them.
namespace mlrun::deploy {
namespace {

using Ints = std::vector<std::int64_t>;

std::int64_t size_from(const Ints& sizes, std::size_t from) {
  return std::accumulate(sizes.begin() + static_cast<std::ptrdiff_t>(from), sizes.end(), std::int64_t{1},
                         std::multiplies<>());
}

/// The shape that Reshape is given: 0 keeps an axis of the input, -1 is what remains. The first axis holds the
/// batch, so it is never written as the number that was traced.
Ints free_of_batch(const Ints& from, Ints to) {
  if (to.empty() || from.empty()) return to;
  if (size_from(from, 1) == size_from(to, 1)) {
    to[0] = 0;
    return to;
  }
  // Windows of each image become rows, or rows windows: only the first axis can hold a changing number of them.
  if (std::find(to.begin() + 1, to.end(), 0) == to.end()) to[0] = -1;
  return to;
}

void reshape_traced(TracedOperator& op) {
  const Ints shape = free_of_batch(op.shape("self"), op.output_shape());
  op.give(op.onnx.add("Reshape", {op.tensor("self"), op.onnx.ints(shape)}));
}

void map_reshape(TracedOperator& op) {
  if (op.shape("self") == op.output_shape()) return op.pass("self");
  reshape_traced(op);
}

/// Flatten makes two axes, so it fits where all behind the first become one.
void map_flatten(TracedOperator& op) {
  const std::int64_t start = op.axis("self", op.integer("start_dim")), end = op.axis("self", op.integer("end_dim"));
  if (start == end) return op.pass("self");
  if (start != 1 || end != op.rank("self") - 1) return reshape_traced(op);
  op.give(op.onnx.add("Flatten", {op.tensor("self")}, {{"axis", std::int64_t{1}}}));
}

void transpose_traced(TracedOperator& op, const Ints& axes) {
  op.give(op.onnx.add("Transpose", {op.tensor("self")}, {{"perm", axes}}));
}

void map_permute(TracedOperator& op) {
  Ints axes = op.integers("dims");
  for (auto& axis : axes) axis = op.axis("self", axis);
  transpose_traced(op, axes);
}

void map_transpose(TracedOperator& op) {
  Ints axes(static_cast<std::size_t>(op.rank("self")));
  std::iota(axes.begin(), axes.end(), 0);
  const bool matrix = !op.has("dim0");  // aten::t
  const std::int64_t first = matrix ? 0 : op.axis("self", op.integer("dim0"));
  const std::int64_t second = matrix ? op.rank("self") - 1 : op.axis("self", op.integer("dim1"));
  std::swap(axes.at(static_cast<std::size_t>(first)), axes.at(static_cast<std::size_t>(second)));
  transpose_traced(op, axes);
}

void map_unsqueeze(TracedOperator& op) {
  std::int64_t axis = op.integer("dim");
  if (axis < 0) axis += op.rank("self") + 1;
  op.give(op.onnx.add("Unsqueeze", {op.tensor("self"), op.onnx.ints({axis})}));
}

void map_squeeze(TracedOperator& op) {
  if (!op.has("dim")) op.refuse("names no axis");
  const std::int64_t axis = op.axis("self", op.constant("dim").isInt() ? op.integer("dim") : op.integers("dim").at(0));
  if (op.shape("self").at(static_cast<std::size_t>(axis)) != 1) return op.pass("self");
  op.give(op.onnx.add("Squeeze", {op.tensor("self"), op.onnx.ints({axis})}));
}

/// Sizes of 1 are repeated as the other tensor has it.
void map_expand_as(TracedOperator& op) {
  op.give(op.onnx.add("Expand", {op.tensor("self"), op.onnx.add("Shape", {op.tensor("other")})}));
}

void map_expand(TracedOperator& op) {
  Ints sizes = op.integers("size");
  std::replace(sizes.begin(), sizes.end(), std::int64_t{-1}, std::int64_t{1});
  op.give(op.onnx.add("Expand", {op.tensor("self"), op.onnx.ints(sizes)}));
}

/// Height and width as the trace knows them, or as the file measures them.
std::string size_of_output(TracedOperator& op) {
  if (op.is_known("output_size")) return op.onnx.ints(op.integers("output_size"));
  return op.onnx.add("Concat", op.numbers("output_size"), {{"axis", std::int64_t{0}}});
}

/// Batch and channels are the input's.
void resize(TracedOperator& op, const OnnxAttributes& how) {
  const std::string x = op.tensor("self");
  const std::string kept = op.onnx.add("Slice", {op.onnx.add("Shape", {x}), op.onnx.ints({0}), op.onnx.ints({2})});
  const std::string sizes = op.onnx.add("Concat", {kept, size_of_output(op)}, {{"axis", std::int64_t{0}}});
  op.give(op.onnx.add("Resize", {x, "", "", sizes}, how));
}

void map_bilinear(TracedOperator& op) {
  const std::string places = op.flag("align_corners") ? "align_corners" : "half_pixel";
  resize(op, {{"mode", std::string("linear")}, {"coordinate_transformation_mode", places}});
}

void map_nearest(TracedOperator& op) {
  resize(op, {{"mode", std::string("nearest")},
              {"coordinate_transformation_mode", std::string("asymmetric")},
              {"nearest_mode", std::string("floor")}});
}

/// Copies and changes of layout do nothing to the values.
void map_same(TracedOperator& op) { op.pass(op.has("self") ? "self" : "input"); }

void map_to(TracedOperator& op) { op.give(op.operand("self")); }

}  // namespace

void add_shape_mappings(OnnxMappings& mappings) {
  mappings.insert({{"view", map_reshape},
                   {"reshape", map_reshape},
                   {"_unsafe_view", map_reshape},
                   {"unflatten", map_reshape},
                   {"flatten", map_flatten},
                   {"permute", map_permute},
                   {"transpose", map_transpose},
                   {"t", map_transpose},
                   {"unsqueeze", map_unsqueeze},
                   {"squeeze", map_squeeze},
                   {"expand", map_expand},
                   {"expand_as", map_expand_as},
                   {"upsample_bilinear2d", map_bilinear},
                   {"upsample_nearest2d", map_nearest},
                   {"contiguous", map_same},
                   {"clone", map_same},
                   {"detach", map_same},
                   {"alias", map_same},
                   {"to", map_to}});
}

}  // namespace mlrun::deploy
