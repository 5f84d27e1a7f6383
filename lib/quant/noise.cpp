#include "quant/noise.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "nn/evaluation_scope.h"
#include "quant/runner.h"

namespace mlrun::quant {
namespace {

/// What the float model's layers took and gave, by path.
class FloatPass : public nn::Interceptor {
 public:
  explicit FloatPass(const Int8Plan& plan) {
    for (const Int8Node& node : plan.nodes) {
      if (node.op == "pass") continue;
      inputs_[node.path];
      outputs_[node.last()];
    }
  }

  nn::Tensors around(nn::Layer& layer, const nn::Tensors& inputs, const Proceed& proceed) override {
    const auto input = inputs_.find(layer.path());
    if (input != inputs_.end()) input->second = copies(inputs);
    nn::Tensors outputs = proceed(inputs);
    const auto output = outputs_.find(layer.path());
    if (output != outputs_.end()) output->second = copies(outputs);
    return outputs;
  }

  const nn::Tensors& inputs(const std::string& path) const { return inputs_.at(path); }
  const torch::Tensor& output(const std::string& path) const { return outputs_.at(path).front(); }

 private:
  static nn::Tensors copies(const nn::Tensors& tensors) {  // what follows may work in place
    nn::Tensors result;
    for (const auto& tensor : tensors) result.push_back(tensor.clone());
    return result;
  }

  std::map<std::string, nn::Tensors> inputs_, outputs_;
};

/// Gives each int8 kernel the float inputs and compares what comes.
class Comparison : public nn::Interceptor {
 public:
  struct Sums {
    double signal = 0, noise = 0;
  };

  Comparison(const Int8Plan& plan, std::map<std::string, Sums>& sums) : plan_(plan), sums_(sums) {}

  nn::Tensors around(nn::Layer& layer, const nn::Tensors& inputs, const Proceed& proceed) override {
    const Int8Node* node = plan_.find(layer.path());
    if (!node || node->op == "pass") return proceed(inputs);
    nn::Tensors outputs = proceed(pass->inputs(node->path));
    const torch::Tensor expected = pass->output(node->last());
    const torch::Tensor& given = outputs.front();
    torch::Tensor values = given.is_quantized() ? given.dequantize() : given;
    Sums& sums = sums_[node->path];
    sums.signal += expected.square().sum(torch::kDouble).item<double>();
    sums.noise += (values - expected).square().sum(torch::kDouble).item<double>();
    return outputs;
  }

  const FloatPass* pass = nullptr;

 private:
  const Int8Plan& plan_;
  std::map<std::string, Sums>& sums_;
};

double decibels(const Comparison::Sums& sums) {
  if (sums.noise == 0) return std::numeric_limits<double>::infinity();
  return 10 * std::log10(sums.signal / sums.noise);
}

}  // namespace

std::vector<LayerNoise> layer_noise(nn::Layer& reference, nn::Layer& int8, const std::vector<torch::Tensor>& batches) {
  const Int8Runner* runner = int8_runner(int8);
  MLRUN_ASSERT(runner && !int8_runner(reference), "an int8 model and its float reference");
  if (batches.empty()) throw UserError("signal to noise: there are no samples", "quantize.samples must be at least 1");
  const torch::NoGradGuard no_gradients;
  const nn::EvaluationScope evaluation(reference);
  std::map<std::string, Comparison::Sums> sums;
  Comparison comparison(runner->plan(), sums);
  const nn::InterceptorScope compared(int8, comparison);
  for (const auto& batch : batches) {
    FloatPass pass(runner->plan());
    {
      const nn::InterceptorScope watched(reference, pass);
      reference(batch.clone());
    }
    comparison.pass = &pass;
    int8(batch.clone());
  }
  std::vector<LayerNoise> found;
  for (const Int8Node& node : runner->plan().nodes) {
    if (node.op != "pass") found.push_back({node.path, node.op, decibels(sums[node.path])});
  }
  std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.db < b.db; });
  return found;
}

}  // namespace mlrun::quant
