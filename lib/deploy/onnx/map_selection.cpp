#include <algorithm>
#include <limits>

#include <torch/types.h>

#include "deploy/traced_operator.h"

/// Operators that take tensors apart and put them together.
namespace mlrun::deploy {
namespace {

using Ints = std::vector<std::int64_t>;

constexpr std::int64_t kEnd = std::numeric_limits<std::int64_t>::max();

void map_cat(TracedOperator& op) {
  const auto rank = static_cast<std::int64_t>(op.output_shape().size());
  const std::int64_t axis = op.integer("dim");
  op.give(op.onnx.add("Concat", op.tensors("tensors"), {{"axis", axis < 0 ? axis + rank : axis}}));
}

void map_stack(TracedOperator& op) {
  const auto rank = static_cast<std::int64_t>(op.output_shape().size());
  const std::int64_t axis = op.integer("dim") < 0 ? op.integer("dim") + rank : op.integer("dim");
  std::vector<std::string> parts;
  for (const auto& part : op.tensors("tensors")) {
    parts.push_back(op.onnx.add("Unsqueeze", {part, op.onnx.ints({axis})}));
  }
  op.give(op.onnx.add("Concat", parts, {{"axis", axis}}));
}

std::string sliced(TracedOperator& op, const std::string& x, std::int64_t axis, std::int64_t begin, std::int64_t end,
                   std::int64_t step = 1) {
  return op.onnx.add("Slice",
                     {x, op.onnx.ints({begin}), op.onnx.ints({end}), op.onnx.ints({axis}), op.onnx.ints({step})});
}

void map_slice(TracedOperator& op) {
  const auto bound = [&](const std::string& argument, std::int64_t otherwise) {
    return op.is_none(argument) ? otherwise : op.integer(argument);
  };
  const std::int64_t begin = bound("start", 0), end = bound("end", kEnd), step = op.integer("step");
  if (begin == 0 && end == kEnd && step == 1) return op.pass("self");
  op.give(sliced(op, op.tensor("self"), op.axis("self", op.integer("dim")), begin, end, step));
}

void map_select(TracedOperator& op) {
  const std::string index = op.onnx.scalar(static_cast<double>(op.integer("index")), torch::kLong);
  op.give(op.onnx.add("Gather", {op.tensor("self"), index}, {{"axis", op.axis("self", op.integer("dim"))}}));
}

void split_into(TracedOperator& op, const Ints& sizes) {
  if (sizes.size() == 1) return op.give_list({op.tensor("self")});
  op.give_list(op.onnx.add_many("Split", {op.tensor("self"), op.onnx.ints(sizes)},
                                {{"axis", op.axis("self", op.integer("dim"))}}, sizes.size()));
}

/// Parts of `step`, the last of what remains.
void split_by(TracedOperator& op, std::int64_t step) {
  std::int64_t left = op.shape("self").at(static_cast<std::size_t>(op.axis("self", op.integer("dim"))));
  Ints sizes;
  for (; left > 0; left -= step) sizes.push_back(std::min(step, left));
  split_into(op, sizes);
}

void map_split(TracedOperator& op) {
  const std::string sizes = op.has("split_size") ? "split_size" : "split_sizes";
  if (op.constant(sizes).isInt()) split_by(op, op.integer(sizes));
  else split_into(op, op.integers(sizes));
}

void map_chunk(TracedOperator& op) {
  const std::int64_t size = op.shape("self").at(static_cast<std::size_t>(op.axis("self", op.integer("dim"))));
  const std::int64_t chunks = op.integer("chunks");
  split_by(op, (size + chunks - 1) / chunks);
}

/// Values from the end come first.
void map_roll(TracedOperator& op) {
  const Ints shifts = op.integers("shifts"), axes = op.integers("dims"), shape = op.shape("self");
  if (axes.empty()) op.refuse("names no axes");
  std::string x = op.tensor("self");
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const std::int64_t axis = op.axis("self", axes[i]), size = shape.at(static_cast<std::size_t>(axis));
    const std::int64_t shift = (shifts.at(i) % size + size) % size;
    if (shift == 0) continue;
    x = op.onnx.add("Concat", {sliced(op, x, axis, -shift, kEnd), sliced(op, x, axis, 0, -shift)}, {{"axis", axis}});
  }
  op.give(x);
}

/// LibTorch counts from the last axis, with both sides of one together.
void map_pad(TracedOperator& op) {
  if (op.has("mode") && op.text("mode") != "constant") op.refuse("repeats what it pads");
  const Ints pad = op.integers("pad");
  const auto rank = static_cast<std::size_t>(op.rank("self"));
  Ints pads(2 * rank, 0);
  for (std::size_t i = 0; i < pad.size() / 2; ++i) {
    pads[rank - 1 - i] = pad[2 * i];
    pads[2 * rank - 1 - i] = pad[2 * i + 1];
  }
  const double value = op.is_none("value") ? 0 : op.number("value");
  op.give(op.onnx.add("Pad", {op.tensor("self"), op.onnx.ints(pads), op.onnx.scalar(value, op.output_dtype())}));
}

/// Rows that a constant names.
void map_index(TracedOperator& op) {
  const auto indices = op.constant("indices").toListRef();
  std::int64_t axis = 0, found = -1;
  for (std::size_t i = 0; i < indices.size(); ++i) {
    if (indices[i].isNone()) continue;
    if (found >= 0 || indices[i].toTensor().scalar_type() != torch::kLong) op.refuse("takes more than one index");
    axis = static_cast<std::int64_t>(i);
    found = axis;
  }
  const std::string index =
      op.onnx.constant(indices.at(static_cast<std::size_t>(axis)).toTensor(), op.node().scopeName() + "/index");
  op.give(op.onnx.add("Gather", {op.tensor("self"), index}, {{"axis", axis}}));
}

void map_index_select(TracedOperator& op) {
  op.give(
      op.onnx.add("Gather", {op.tensor("self"), op.tensor("index")}, {{"axis", op.axis("self", op.integer("dim"))}}));
}

}  // namespace

void add_selection_mappings(OnnxMappings& mappings) {
  mappings.insert({{"cat", map_cat},
                   {"stack", map_stack},
                   {"slice", map_slice},
                   {"select", map_select},
                   {"split", map_split},
                   {"split_with_sizes", map_split},
                   {"chunk", map_chunk},
                   {"roll", map_roll},
                   {"constant_pad_nd", map_pad},
                   {"pad", map_pad},
                   {"index", map_index},
                   {"index_select", map_index_select}});
}

}  // namespace mlrun::deploy
