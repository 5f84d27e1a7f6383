#include "nn/profile.h"

#include "nn/evaluation_scope.h"
#include "nn/flow/calls.h"
#include "nn/tensors.h"

namespace mlrun::nn {
namespace {

int64_t elements(const std::vector<torch::Tensor>& tensors) {
  int64_t sum = 0;
  for (const auto& tensor : tensors) sum += tensor.numel();
  return sum;
}

class Counter : public Interceptor {
 public:
  explicit Counter(const Layer& root) : calls_(root) {}

  Tensors around(Layer& layer, const Tensors& inputs, const Proceed& proceed) override {
    LayerProfile entry;
    entry.call = calls_.number(layer);
    Tensors outputs = proceed(inputs);
    entry.path = layer.path();
    entry.type = layer.type();
    entry.output = first_shape(outputs);
    if (entry.call == 0) entry.params = elements(layer.parameters(/*recurse=*/false));
    entry.macs = layer.macs(inputs, outputs);
    result.macs += entry.macs;
    result.layers.push_back(std::move(entry));
    return outputs;
  }

  Profile result;

 private:
  CallCounter calls_;
};

}  // namespace

int64_t parameter_count(const Layer& root) { return elements(root.parameters()); }

Profile profile_of_pass(Layer& root, const Tensors& inputs) {
  torch::NoGradGuard no_grad;
  Counter counter(root);
  EvaluationScope evaluation(root);
  InterceptorScope scope(root, counter);
  root.run(copies(inputs));  // the first layer may work in place
  counter.result.params = parameter_count(root);
  return std::move(counter.result);
}

Profile profile(Layer& root, const std::vector<int64_t>& input_shape) {
  return profile_of_pass(root, {torch::empty(input_shape, torch::TensorOptions(torch::kMeta))});
}

Profile profile_anyhow(Layer& root, const Tensors& inputs) {
  try {
    Tensors shapes;
    for (const auto& input : inputs) shapes.push_back(input.to(torch::kMeta));
    return profile_of_pass(root, shapes);
  } catch (const c10::Error&) {
    return profile_of_pass(root, inputs);
  }
}

Profile profile_anyhow(Layer& root, const std::vector<int64_t>& input_shape) {
  const auto parameters = root.parameters();
  const torch::Device device = parameters.empty() ? torch::Device(torch::kCPU) : parameters.front().device();
  return profile_anyhow(root, Tensors{torch::zeros(input_shape, torch::TensorOptions(device))});
}

}  // namespace mlrun::nn
