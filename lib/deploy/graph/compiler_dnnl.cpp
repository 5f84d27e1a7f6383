#include "deploy/graph/compiler.h"

#include <algorithm>

#include "nn/branches.h"

namespace mlrun::deploy {
namespace {

/// Whether a buffer in one form is, float for float, one in the other.
bool same_bytes(const std::vector<std::int64_t>& sizes, Form a, Form b) {
  if (a == b) return true;
  const onednn::Dims dims = dims_of(sizes);
  const auto plain = [&](Form form) { return form == Form::Plain || form == Form::ChannelsLast; };
  if (dims[1] == 1 && plain(a) && plain(b)) return true;
  if (dims[2] * dims[3] != 1) return false;
  const auto full = [&](Form form) { return plain(form) || dims[1] % block_of(form, dims[1]) == 0; };
  return full(a) && full(b);
}

}  // namespace

KernelAct kernel_act(const std::optional<nn::Act>& act) {
  static_assert(static_cast<int>(KernelAct::Tanh) == static_cast<int>(nn::Act::Tanh) &&
                static_cast<int>(KernelAct::Relu6) == static_cast<int>(nn::Act::Relu6));
  if (!act) return KernelAct::None;
  switch (*act) {
    case nn::Act::Relu: return KernelAct::Relu;
    case nn::Act::Relu6: return KernelAct::Relu6;
    case nn::Act::Hardswish: return KernelAct::Hardswish;
    case nn::Act::Hardsigmoid: return KernelAct::Hardsigmoid;
    case nn::Act::Sigmoid: return KernelAct::Sigmoid;
    case nn::Act::Silu: return KernelAct::Silu;
    case nn::Act::Gelu: return KernelAct::Gelu;
    case nn::Act::Tanh: return KernelAct::Tanh;
  }
  return KernelAct::None;
}

bool keeps_zero(const std::optional<nn::Act>& act) { return act != nn::Act::Hardsigmoid && act != nn::Act::Sigmoid; }

dnnl::memory PackedWeights::get(const torch::Tensor& plain, const onednn::Desc& from, const onednn::Desc& to) {
  auto& made = made_[plain.data_ptr()];
  for (const auto& [desc, memory] : made) {
    if (desc == to) return memory;
  }
  const dnnl::engine& engine = Program::engine();
  dnnl::memory source(from, engine, plain.data_ptr<float>());
  if (from == to) {
    made.emplace_back(to, source);  // the plan keeps the tensor
    return source;
  }
  dnnl::memory packed(to, engine);
  dnnl::stream stream(engine);
  dnnl::reorder(source, packed).execute(stream, source, packed);
  stream.wait();
  made.emplace_back(to, packed);
  return packed;
}

GraphCompiler::GraphCompiler(const GraphPlan& plan, const ValueSizes& sizes, PackedWeights& weights, Program& program)
    : plan_(plan),
      sizes_(sizes),
      weights_(weights),
      program_(program),
      slots_(sizes.size(), -1),
      last_use_(sizes.size(), -1) {}

void GraphCompiler::note_uses() {
  for (std::size_t i = 0; i < plan_.nodes.size(); ++i) {
    for (const ValueId input : plan_.nodes[i].inputs) last_use_[static_cast<std::size_t>(input)] = static_cast<int>(i);
    const ValueId residual = plan_.nodes[i].residual;
    if (residual >= 0) last_use_[static_cast<std::size_t>(residual)] = static_cast<int>(i);
  }
  for (const ValueId output : plan_.outputs) {
    last_use_[static_cast<std::size_t>(output)] = static_cast<int>(plan_.nodes.size());
  }
}

void GraphCompiler::compile(OutputOrder order) {
  order_ = order;
  note_uses();
  std::vector<int> inputs, outputs;
  for (std::size_t i = 0; i < plan_.inputs; ++i) {
    inputs.push_back(new_slot(static_cast<ValueId>(i), Form::Plain));
    program_.slot(inputs.back()).external = true;
  }
  for (const GraphNode& node : plan_.nodes) {
    if (node.residual >= 0 && sizes(node.residual) != sizes(node.summand)) {
      throw NoGraph("what " + node.layer->path() + " gives is added to a tensor of another size");
    }
    compile_node(node);
    ++now_;
  }
  for (const ValueId value : plan_.outputs) {
    outputs.push_back(output_slot(value));
    program_.slot(outputs.back()).external = true;
  }
  program_.finish(std::move(inputs), std::move(outputs));
}

bool GraphCompiler::is_output(ValueId value) const {
  return std::find(plan_.outputs.begin(), plan_.outputs.end(), value) != plan_.outputs.end();
}

Form GraphCompiler::output_form(ValueId value) const {
  return order_ == OutputOrder::Pixels && sizes(value).size() == 4 ? Form::ChannelsLast : Form::Plain;
}

int GraphCompiler::output_slot(ValueId value) {
  const Form form = output_form(value);
  const int slot = need(value, form);
  const Slot& last = program_.slot(slot);
  if (!last.shared && !last.external && last.root < 0) return slot;
  const int output = program_.add_slot(sizes(value), form);
  const auto count = static_cast<std::size_t>(layout_of(program_.slot(output)).floats());
  program_.add_step({slot}, {output},
                    [p = &program_, slot, output, count] { std::copy_n(p->data(slot), count, p->data(output)); });
  return output;
}

void GraphCompiler::compile_node(const GraphNode& node) {
  switch (node.op) {
    case GraphOp::Conv: return conv(node);
    case GraphOp::ConvTranspose: return conv_transpose(node);
    case GraphOp::Linear: {
      const std::int64_t in = node.weight.size(1), out = node.weight.size(0);
      std::int64_t rows = 1;
      for (std::size_t i = 0; i + 1 < sizes(node.inputs[0]).size(); ++i) rows *= sizes(node.inputs[0])[i];
      return dense_node(node, rows, in, out);
    }
    case GraphOp::Affine: return affine(node);
    case GraphOp::MaxPool: return max_pool(node);
    case GraphOp::AvgPool: return avg_pool(node);
    case GraphOp::AdaptivePool: return adaptive_pool(node);
    case GraphOp::GroupNorm: return group_norm(node);
    case GraphOp::Activation: return activation(node);
    case GraphOp::Add: return add(node);
    case GraphOp::Mul: return mul(node);
    case GraphOp::Concat: return concat(node);
    case GraphOp::Chunk: return chunk(node);
    case GraphOp::Shuffle: return shuffle(node);
    case GraphOp::Flatten: return flatten(node);
    case GraphOp::Resize: return resize(node);
    case GraphOp::Layer: return run_layer(node);
  }
}

int GraphCompiler::new_slot(ValueId value, Form form) { return slot_of(value) = program_.add_slot(sizes(value), form); }

int GraphCompiler::need(ValueId value, Form form) {
  const int from = slot_of(value);
  MLRUN_ASSERT(from >= 0, "a value is used before it is made");
  if (program_.slot(from).form == form) return from;
  const auto known = reordered_.find({value, form});
  if (known != reordered_.end()) return known->second;
  if (same_bytes(sizes(value), program_.slot(from).form, form)) {
    return reordered_[{value, form}] = program_.add_view(from, sizes(value), form, 0);
  }
  const int to = program_.add_slot(sizes(value), form);
  const onednn::Desc before = desc_of(sizes(value), program_.slot(from).form), after = desc_of(sizes(value), form);
  const dnnl::reorder::primitive_desc described(Program::engine(), before, Program::engine(), after);
  program_.add_primitive(dnnl::reorder(described), {}, {{DNNL_ARG_FROM, {from, before}}, {DNNL_ARG_TO, {to, after}}},
                         {}, to);
  ++program_.statistics.reorders;
  return reordered_[{value, form}] = to;
}

bool GraphCompiler::may_overwrite(ValueId value) {
  const Slot& slot = program_.slot(slot_of(value));
  return last_use_[static_cast<std::size_t>(value)] <= now_ && !slot.shared && !slot.external;
}

int GraphCompiler::take_over(int operand_slot, ValueId output) {
  const int slot = program_.add_view(operand_slot, sizes(output), program_.slot(operand_slot).form, 0);
  program_.slot(slot).shared = false;  // the operand is no more
  return slot_of(output) = slot;
}

int GraphCompiler::over_or_new(ValueId operand, int operand_slot, ValueId output) {
  const Form form = program_.slot(operand_slot).form;
  if (operand_slot == slot_of(operand) && may_overwrite(operand)) {
    return take_over(operand_slot, output);
  }
  return new_slot(output, form);
}

}  // namespace mlrun::deploy
