#include "deploy/onnx/translation.h"

#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/runtime/operator.h>

#include "base/error.h"
#include "deploy/onnx/builder.h"
#include "deploy/traced_operator.h"

namespace mlrun::deploy {
namespace {

namespace jit = torch::jit;

/// Goes through a trace from its input to its output.
class TraceWalk {
 public:
  TraceWalk(const jit::Module& module, const OnnxDoors& doors, std::int64_t opset) : onnx_(opset), doors_(doors) {
    graph_ = module.get_method("forward").graph();
    values_[graph_->inputs().at(0)] = {true, module._ivalue(), "", {}};
    for (std::size_t i = 0; i < doors.inputs.size(); ++i) {
      onnx_.add_input(doors.inputs[i]);
      values_[graph_->inputs().at(i + 1)] = {false, {}, doors.inputs[i].name, {}};
      const auto& shape = doors.inputs[i].shape;
      any_size_ = any_size_ || (shape && shape->size() == 4 && (*shape)[2] < 0);
    }
  }

  OnnxGraph walk() {
    for (const jit::Node* node : graph_->nodes()) visit(*node);
    const auto outputs = returned();
    MLRUN_ASSERT(outputs.size() == doors_.outputs.size(), "a trace gives another number of tensors than its model");
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const TracedValue& value = values_.at(outputs[i]);
      const std::string name = value.known ? onnx_.constant(value.constant.toTensor(), "constant") : value.name;
      onnx_.add_output(name, described(*outputs[i], doors_.outputs[i]));
    }
    return onnx_.finish();
  }

 private:
  /// The tensors that the trace ends with.
  std::vector<const jit::Value*> returned() const {
    const jit::Value* output = graph_->outputs().at(0);
    if (output->node()->kind() != c10::prim::TupleConstruct) return {output};
    const auto inputs = output->node()->inputs();
    return {inputs.begin(), inputs.end()};
  }

  OnnxValue described(const jit::Value& output, const OnnxValue& door) const {
    const auto type = output.type()->expect<c10::TensorType>();
    const auto dtype = type->scalarType();
    const auto shape = type->sizes().concrete_sizes();
    MLRUN_ASSERT(dtype && shape, "a trace does not tell its output's shape");
    OnnxValue value{door.name, *dtype, *shape, door.rows};
    if (door.shape && door.shape->front() < 0) value.shape->front() = -1;
    if (any_size_ && value.shape->size() == 4) (*value.shape)[2] = (*value.shape)[3] = -1;
    return value;
  }

  bool known(const jit::Node& node) const {
    for (const jit::Value* input : node.inputs()) {
      if (!values_.at(input).known) return false;
    }
    return true;
  }

  void visit(const jit::Node& node) {
    onnx_.enter(node.scopeName());
    switch (node.kind()) {
      case c10::prim::GetAttr: return read_attribute(node);
      case c10::prim::Constant: return read_constant(node);
      case c10::prim::ListConstruct: return construct_list(node);
      case c10::prim::ListUnpack: return unpack_list(node);
      case c10::prim::TupleConstruct: return;  // what the trace returns
      default: break;
    }
    if (node.kind() == c10::aten::size) return read_size(node);
    if (known(node)) return compute(node);
    if (node.kind() == c10::prim::NumToTensor || node.kind() == c10::aten::Int) {
      values_[node.output()] = values_.at(node.input());
      return;
    }
    TracedOperator op(node, values_, onnx_);
    const OnnxMapping mapping = find_onnx_mapping(node);
    if (!mapping) op.refuse("has no mapping");
    mapping(op);
  }

  void read_attribute(const jit::Node& node) {
    const TracedValue& owner = values_.at(node.input());
    const std::string name = node.s(c10::attr::name);
    TracedValue value;
    value.known = true;
    value.constant = owner.constant.toObjectRef().getAttr(name);
    value.name = owner.name.empty() ? name : owner.name + "." + name;
    values_[node.output()] = value;
  }

  void read_constant(const jit::Node& node) {
    const auto constant = jit::toIValue(node.output());
    MLRUN_ASSERT(constant, "a trace has a constant without a value");
    values_[node.output()] = {true, *constant, constant_name(node), {}};
  }

  /// The size of one axis: as traced, or measured by the file where images may have any.
  void read_size(const jit::Node& node) {
    const TracedOperator op(node, values_, onnx_);
    const std::int64_t axis = op.integer("dim");
    if (any_size_) {
      const std::string shape = onnx_.add("Shape", {op.tensor("self")});
      const std::string size = onnx_.add("Slice", {shape, onnx_.ints({axis}), onnx_.ints({axis + 1})});
      values_[node.output()] = {false, {}, size, {}};
      return;
    }
    const auto sizes = op.shape("self");
    values_[node.output()] = {true, sizes.at(static_cast<std::size_t>(axis)), constant_name(node), {}};
  }

  /// Runs an operator on constants.
  void compute(const jit::Node& node) {
    const torch::NoGradGuard no_gradients;
    jit::Stack stack;
    for (const jit::Value* input : node.inputs()) stack.push_back(values_.at(input).constant);
    node.getOperation()(stack);
    for (std::size_t i = 0; i < node.outputs().size(); ++i) {
      values_[node.outputs()[i]] = {true, stack.at(i), constant_name(node), {}};
    }
  }

  /// What a computed constant is called: a transposed weight after the weight, all else after its layer.
  std::string constant_name(const jit::Node& node) const {
    if (node.kind() == c10::aten::t) return values_.at(node.input(0)).name + ".T";
    const std::string layer = node.scopeName();
    const std::string what = node.kind() == c10::prim::Constant ? "constant" : node.kind().toUnqualString();
    return layer.empty() ? what : layer + "/" + what;
  }

  void construct_list(const jit::Node& node) {
    TracedValue list;
    for (const jit::Value* input : node.inputs()) list.items.push_back(values_.at(input));
    list.known = known(node);
    if (list.known) {
      c10::impl::GenericList constants(node.output()->type()->expect<c10::ListType>()->getElementType());
      for (const auto& item : list.items) constants.push_back(item.constant);
      list.constant = constants;
    }
    values_[node.output()] = list;
  }

  void unpack_list(const jit::Node& node) {
    const TracedValue list = values_.at(node.input());
    for (std::size_t i = 0; i < node.outputs().size(); ++i) {
      if (list.known) values_[node.outputs()[i]] = {true, list.constant.toListRef().at(i), constant_name(node), {}};
      else values_[node.outputs()[i]] = list.items.at(i);
    }
  }

  OnnxBuilder onnx_;
  const OnnxDoors& doors_;
  std::shared_ptr<jit::Graph> graph_;
  TracedValues values_;
  bool any_size_ = false;  ///< images of any height and width
};

}  // namespace

OnnxGraph onnx_graph_of(const jit::Module& traced, const OnnxDoors& doors, std::int64_t opset) {
  return TraceWalk(traced, doors, opset).walk();
}

}  // namespace mlrun::deploy
