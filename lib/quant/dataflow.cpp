#include "quant/dataflow.h"

#include <unordered_map>

#include <ATen/record_function.h>

#include "nn/evaluation_scope.h"

namespace mlrun::quant {
namespace {

/// Stands at the door and, for what is done outside it, behind LibTorch's dispatcher.
class FlowRecorder : public nn::Interceptor {
 public:
  explicit FlowRecorder(const torch::Tensor& input) {
    flow.values.emplace_back();
    frames_.emplace_back();
    know(input, 0);
  }

  nn::Tensors around(nn::Layer& layer, const nn::Tensors& inputs, const Proceed& proceed) override {
    Leaf leaf;
    leaf.layer = &layer;
    for (const auto& input : inputs) leaf.inputs.push_back(value_of(input));
    frames_.back().has_children = true;
    frames_.emplace_back();
    nn::Tensors outputs = proceed(inputs);
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
    if (input.isTensor()) touch(input.toTensor());
    if (input.isTensorList()) {
      for (const torch::Tensor& tensor : input.toTensorList()) touch(tensor);
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
    known_[tensor.unsafeGetTensorImpl()] = {value, version(tensor)};
    kept_.push_back(tensor);  // its address must not come back as another tensor's
  }

  void touch(const torch::Tensor& tensor) {
    if (!tensor.defined()) return;
    const ValueId value = value_of(tensor);
    if (value != kUnknownValue) frames_.back().touched.push_back(value);
  }

  void finish(Leaf leaf, const nn::Tensors& inputs, const nn::Tensors& outputs) {
    const std::size_t number = flow.leaves.size();
    MLRUN_ASSERT(flow.index.emplace(leaf.layer, static_cast<int>(number)).second,
                 leaf.layer->path() + " ran twice in one pass");
    for (const ValueId value : leaf.inputs) {
      if (value != kUnknownValue) flow.values[static_cast<std::size_t>(value)].consumers.push_back(number);
    }
    for (const auto& output : outputs) leaf.outputs.push_back(given(leaf, inputs, output));
    flow.leaves.push_back(std::move(leaf));
  }

  /// The value of an output: an input's where the layer handed it on unchanged.
  ValueId given(const Leaf& leaf, const nn::Tensors& inputs, const torch::Tensor& output) {
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

int Dataflow::find(const nn::Layer* layer) const {
  const auto found = index.find(layer);
  return found == index.end() ? -1 : found->second;
}

Dataflow trace_dataflow(nn::Layer& model, const torch::Tensor& example) {
  const torch::NoGradGuard no_gradients;
  const nn::EvaluationScope evaluation(model);
  const torch::Tensor input = example.clone();  // the first layer may work in place
  FlowRecorder recorder(input);
  const nn::InterceptorScope scope(model, recorder);
  const OperatorWatch watch(recorder);
  for (const torch::Tensor& output : model.run({input})) {
    const ValueId value = recorder.value_of(output);
    if (value != kUnknownValue) recorder.flow.values[static_cast<std::size_t>(value)].returned = true;
  }
  return std::move(recorder.flow);
}

}  // namespace mlrun::quant
