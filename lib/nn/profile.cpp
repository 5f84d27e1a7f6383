#include "nn/profile.h"

#include "nn/evaluation_scope.h"

namespace mlrun::nn {
namespace {

int64_t elements(const std::vector<torch::Tensor>& tensors) {
  int64_t sum = 0;
  for (const auto& tensor : tensors) sum += tensor.numel();
  return sum;
}

class Counter : public Interceptor {
 public:
  Tensors around(Layer& layer, const Tensors& inputs, const Proceed& proceed) override {
    Tensors outputs = proceed(inputs);
    LayerProfile entry;
    entry.path = layer.path();
    entry.type = layer.type();
    entry.output = outputs.front().sizes().vec();
    entry.params = elements(layer.parameters(/*recurse=*/false));
    entry.macs = layer.macs(inputs, outputs);
    result.macs += entry.macs;
    result.layers.push_back(std::move(entry));
    return outputs;
  }

  Profile result;
};

}  // namespace

Profile profile(Layer& root, const std::vector<int64_t>& input_shape) {
  torch::NoGradGuard no_grad;
  Counter counter;
  EvaluationScope evaluation(root);
  InterceptorScope scope(root, counter);
  root(torch::empty(input_shape, torch::TensorOptions(torch::kMeta)));
  counter.result.params = elements(root.parameters());
  return std::move(counter.result);
}

}  // namespace mlrun::nn
