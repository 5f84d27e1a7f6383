#include "quant/noise.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "nn/evaluation_scope.h"
#include "nn/tensors.h"
#include "quant/runner.h"

namespace mlrun::quant {
namespace {

/// What the float model's layers took, by path and call.
class FloatPass : public nn::Interceptor {
 public:
  explicit FloatPass(const Int8Plan& plan) {
    for (const Int8Node& node : plan.nodes) {
      if (node.op != "pass") inputs_[node.path];
    }
  }

  nn::Tensors around(nn::Layer& layer, const nn::Tensors& inputs, const Proceed& proceed) override {
    const auto calls = inputs_.find(layer.path());
    if (calls != inputs_.end()) calls->second.push_back(nn::copies(inputs));  // what follows may work in place
    return proceed(inputs);
  }

  /// Those of the layer's next call, in the order in which they were made; null where there are no more.
  const nn::Tensors* next(const std::string& path) {
    const auto& calls = inputs_.at(path);
    const std::size_t call = given_[path]++;
    return call < calls.size() ? &calls[call] : nullptr;
  }

 private:
  std::map<std::string, std::vector<nn::Tensors>> inputs_;
  std::map<std::string, std::size_t> given_;
};

/// Gives each int8 kernel the float inputs and compares what comes with what the float layers make of them.
class Comparison : public nn::Interceptor {
 public:
  struct Sums {
    double signal = 0, noise = 0;
  };

  Comparison(nn::Layer& reference, const Int8Plan& plan, std::map<std::string, Sums>& sums) : plan_(plan), sums_(sums) {
    for (nn::Layer* layer : reference.all_layers()) reference_.emplace(layer->path(), layer);
  }

  nn::Tensors around(nn::Layer& layer, const nn::Tensors& inputs, const Proceed& proceed) override {
    const Int8Node* node = plan_.find(layer.path());
    const nn::Tensors* given = node && node->op != "pass" ? pass->next(node->path) : nullptr;
    if (!given) return proceed(inputs);
    const torch::Tensor expected = expected_of(*node, *given);
    nn::Tensors outputs = proceed(*given);
    const torch::Tensor& output = outputs.front();
    const torch::Tensor values = output.is_quantized() ? output.dequantize() : output;
    Sums& sums = sums_[node->path];
    sums.signal += expected.square().sum(torch::kDouble).item<double>();
    sums.noise += (values - expected).square().sum(torch::kDouble).item<double>();
    return outputs;
  }

  FloatPass* pass = nullptr;

 private:
  torch::Tensor expected_of(const Int8Node& node, const nn::Tensors& inputs) const {
    nn::Tensors values = reference_.at(node.path)->run(nn::copies(inputs));
    for (const std::string& folded : node.folded) values = reference_.at(folded)->run(values);
    return values.front();
  }

  const Int8Plan& plan_;
  std::map<std::string, Sums>& sums_;
  std::map<std::string, nn::Layer*> reference_;
};

double decibels(const Comparison::Sums& sums) {
  if (sums.noise == 0) return std::numeric_limits<double>::infinity();
  return 10 * std::log10(sums.signal / sums.noise);
}

}  // namespace

std::vector<LayerNoise> layer_noise(nn::Layer& reference, nn::Layer& int8, const std::vector<nn::Tensors>& batches) {
  const Int8Runner* runner = int8_runner(int8);
  MLRUN_ASSERT(runner && !int8_runner(reference), "an int8 model and its float reference");
  if (batches.empty()) throw UserError("signal to noise: there are no samples", "quantize.samples must be at least 1");
  const torch::NoGradGuard no_gradients;
  const nn::EvaluationScope evaluation(reference);
  std::map<std::string, Comparison::Sums> sums;
  Comparison comparison(reference, runner->plan(), sums);
  const nn::InterceptorScope compared(int8, comparison);
  for (const auto& batch : batches) {
    FloatPass pass(runner->plan());
    {
      const nn::InterceptorScope watched(reference, pass);
      reference.run(nn::copies(batch));
    }
    comparison.pass = &pass;
    int8.run(nn::copies(batch));
  }
  std::vector<LayerNoise> found;
  for (const Int8Node& node : runner->plan().nodes) {
    if (node.op != "pass") found.push_back({node.path, node.op, decibels(sums[node.path])});
  }
  std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.db < b.db; });
  return found;
}

}  // namespace mlrun::quant
