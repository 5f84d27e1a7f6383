#include "nn/flow/dataflow.h"

#include <unordered_map>

#include <ATen/record_function.h>

#include "nn/evaluation_scope.h"
#include "nn/flow/calls.h"
#include "nn/tensors.h"

namespace mlrun::nn {
namespace {

/// Stands at the door and, for what is done outside it, behind LibTorch's dispatcher.
class FlowRecorder : public Interceptor {
 public:
  FlowRecorder(const Layer& model, const Tensors& inputs) : calls_(model) {
    frames_.emplace_back();
    for (const auto& input : inputs) {
      flow.inputs.push_back(static_cast<ValueId>(flow.values.size()));
      flow.values.emplace_back();
      know(input, flow.inputs.back());
    }
  }

  Tensors around(Layer& layer, const Tensors& inputs, const Proceed& proceed) override {
    Leaf leaf;
    leaf.layer = &layer;
    leaf.call = calls_.number(layer);
    for (const auto& input : inputs) leaf.inputs.push_back(value_of(input));
    frames_.back().has_children = true;
    frames_.emplace_back();
    Tensors outputs = proceed(inputs);
    const Frame frame = std::move(frames_.back());
    frames_.pop_back();
    if (frame.has_children) {
      for (const ValueId value : frame.touched) flow.values[static_cast<std::size_t>(value)].escapes = true;
    } else {
      finish(std::move(leaf), inputs, outputs);
    }
    return outputs;
  }

  ValueId value_of(const torch::Tensor& tensor) const {
    const auto found = known_.find(tensor.unsafeGetTensorImpl());
    if (found == known_.end()) return kUnknownValue;
    // Written to since, by nobody at the door: what it holds now is another value.
    return found->second.version == version(tensor) ? found->second.value : kUnknownValue;
  }

  void touch(const c10::IValue& input) {
    if (input.isTensor()) return touch(input.toTensor());
    if (!input.isList()) return;
    for (const c10::IValue& item : input.toListRef()) {
      if (item.isTensor()) touch(item.toTensor());
    }
  }

  Dataflow flow;

 private:
  struct Known {
    ValueId value;
    std::uint32_t version;
  };
  struct Frame {
    bool has_children = false;
    std::vector<ValueId> touched;  // by operators of its own
  };

  static std::uint32_t version(const torch::Tensor& tensor) { return static_cast<std::uint32_t>(tensor._version()); }

  void know(const torch::Tensor& tensor, ValueId value) {
    if (!tensor.defined()) return;
    known_[tensor.unsafeGetTensorImpl()] = {value, version(tensor)};
    kept_.push_back(tensor);  // its address must not come back as another tensor's
  }

  void touch(const torch::Tensor& tensor) {
    if (!tensor.defined()) return;
    const ValueId value = value_of(tensor);
    if (value != kUnknownValue) frames_.back().touched.push_back(value);
  }

  void finish(Leaf leaf, const Tensors& inputs, const Tensors& outputs) {
    const std::size_t number = flow.leaves.size();
    flow.index[leaf.layer].push_back(number);
    for (const ValueId value : leaf.inputs) {
      if (value != kUnknownValue) flow.values[static_cast<std::size_t>(value)].consumers.push_back(number);
    }
    for (const auto& output : outputs) leaf.outputs.push_back(given(leaf, inputs, output));
    flow.leaves.push_back(std::move(leaf));
  }

  /// The value of an output: an input's where the layer handed it on unchanged.
  ValueId given(const Leaf& leaf, const Tensors& inputs, const torch::Tensor& output) {
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (inputs[i].is_same(output) && leaf.inputs[i] != kUnknownValue && value_of(output) == leaf.inputs[i]) {
        return leaf.inputs[i];
      }
    }
    const auto value = static_cast<ValueId>(flow.values.size());
    flow.values.push_back({static_cast<int>(flow.leaves.size()), {}, false, false});
    know(output, value);
    return value;
  }

  CallCounter calls_;
  std::vector<Frame> frames_;
  std::unordered_map<const c10::TensorImpl*, Known> known_;
  std::vector<torch::Tensor> kept_;
};

thread_local FlowRecorder* watching = nullptr;

/// Tells the recorder of every operator that this thread runs.
class OperatorWatch {
 public:
  explicit OperatorWatch(FlowRecorder& recorder) {
    watching = &recorder;
    const auto started = [](const at::RecordFunction& function) -> std::unique_ptr<at::ObserverContext> {
      for (const auto& input : function.inputs()) watching->touch(input);
      return nullptr;
    };
    handle_ = at::addThreadLocalCallback(
        at::RecordFunctionCallback(started).needsInputs(true).scopes({at::RecordScope::FUNCTION}));
  }
  ~OperatorWatch() {
    at::removeCallback(handle_);
    watching = nullptr;
  }
  OperatorWatch(const OperatorWatch&) = delete;
  OperatorWatch& operator=(const OperatorWatch&) = delete;

 private:
  at::CallbackHandle handle_;
};

}  // namespace

int Dataflow::find(const Layer* layer, int call) const {
  const auto& known = calls(layer);
  for (const std::size_t leaf : known) {
    if (leaves[leaf].call == call) return static_cast<int>(leaf);
  }
  return known.empty() || call < leaves[known.back()].call ? -1 : static_cast<int>(known.back());
}

const std::vector<std::size_t>& Dataflow::calls(const Layer* layer) const {
  static const std::vector<std::size_t> none;
  const auto found = index.find(layer);
  return found == index.end() ? none : found->second;
}

Dataflow trace_dataflow(Layer& model, const Tensors& example) {
  const torch::NoGradGuard no_gradients;
  const EvaluationScope evaluation(model);
  const Tensors inputs = copies(example);  // the first layer may work in place
  FlowRecorder recorder(model, inputs);
  const InterceptorScope scope(model, recorder);
  const OperatorWatch watch(recorder);
  for (const torch::Tensor& output : model.run(inputs)) {
    const ValueId value = recorder.value_of(output);
    recorder.flow.outputs.push_back(value);
    if (value != kUnknownValue) recorder.flow.values[static_cast<std::size_t>(value)].returned = true;
  }
  return std::move(recorder.flow);
}

}  // namespace mlrun::nn
