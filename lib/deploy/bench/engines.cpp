#include "deploy/bench/engines.h"

#include <torch/script.h>

#include "base/error.h"
#include "config/registry.h"
#include "config/words.h"
#include "deploy/graph_door.h"
#include "deploy/torchscript.h"
#include "deploy/trace.h"
#include "nn/autocast.h"

namespace mlrun::deploy {
namespace {

std::vector<torch::Tensor> tensors_of(const nn::Layer& layer) {
  std::vector<torch::Tensor> tensors = layer.parameters();
  for (const auto& buffer : layer.buffers()) tensors.push_back(buffer);
  return tensors;
}

BenchModel as_it_is(const BenchModel& model) { return model; }

BenchModel to_bf16(const BenchModel& model) {
  nn::ensure_bfloat16_on_cpu();
  for (auto& tensor : tensors_of(*model.layer)) {  // Module::to would convert indices too
    if (tensor.is_floating_point()) tensor.set_data(tensor.detach().to(torch::kBFloat16));
  }
  nn::Tensors inputs;
  for (const auto& input : model.inputs) {
    inputs.push_back(input.is_floating_point() ? input.to(torch::kBFloat16) : input);
  }
  return {model.layer, inputs};
}

Runner eager(const BenchModel& model) {
  return [layer = model.layer](const nn::Tensors& inputs) { return layer->run(inputs); };
}

Runner torchscript(const BenchModel& model) {
  try {
    torch::jit::Module traced = trace(*model.layer, model.inputs);
    traced.eval();
    const auto module = std::make_shared<torch::jit::Module>(torch::jit::optimize_for_inference(traced));
    return [module](const nn::Tensors& inputs) { return run_torchscript(*module, inputs); };
  } catch (const c10::Error& error) {
    const std::string text = error.what_without_backtrace();
    throw UserError("this model becomes no TorchScript: " + text.substr(0, text.find('\n')), "use --engine eager");
  }
}

/// The model, its parts' graphs at their doors.
Runner graphs_of_parts(const BenchModel& model, nn::InParts& parted) {
  const auto graphs = std::make_shared<PartGraphs>(parted);
  const Runner run = [graphs, layer = model.layer](const nn::Tensors& inputs) {
    const PartGraphs::Scope scope(*graphs);
    return layer->run(inputs);
  };
  run(model.inputs);
  if (!graphs->refusal().empty()) throw NoGraph(graphs->refusal());
  return run;
}

Runner graph(const BenchModel& model) {
  try {
    if (auto* parted = dynamic_cast<nn::InParts*>(model.layer.get())) return graphs_of_parts(model, *parted);
    const auto graph = std::make_shared<InferenceGraph>(*model.layer, model.inputs);
    return [graph, layer = model.layer](const nn::Tensors& inputs) { return graph->run(inputs); };
  } catch (const NoGraph& refused) {
    throw UserError("this model cannot run as a graph: " + std::string(refused.what()), "use --engine eager");
  }
}

template <class Entry>
const Entry& entry_of(const std::vector<Entry>& entries, const std::string& option, const std::string& name) {
  std::vector<std::string> names;
  for (const auto& entry : entries) {
    if (entry.name == name) return entry;
    names.push_back(entry.name);
  }
  const std::string guess = config::did_you_mean(name, names);
  throw UserError(option + ": there is no '" + name + "'", guess.empty() ? "choose " + config::any_of(names) : guess);
}

}  // namespace

const std::vector<BenchPrecision>& bench_precisions() {
  static const std::vector<BenchPrecision> precisions = {
      {"fp32", "float32, as the model is", as_it_is},
      {"bf16", "weights and activations in bfloat16", to_bf16},
  };
  return precisions;
}

const std::vector<BenchEngine>& bench_engines() {
  static const std::vector<BenchEngine> engines = {
      {"eager", "layer by layer, as mlrun evaluates", eager},
      {"torchscript", "traced, frozen, optimize_for_inference", torchscript},
      {"graph", "compiled into oneDNN's primitives, fused", graph},
  };
  return engines;
}

const BenchPrecision& bench_precision(const std::string& name) {
  return entry_of(bench_precisions(), "--precision", name);
}

const BenchEngine& bench_engine(const std::string& name) { return entry_of(bench_engines(), "--engine", name); }

std::vector<torch::Tensor> tensor_data(const nn::Layer& layer) {
  std::vector<torch::Tensor> data;
  for (const auto& tensor : tensors_of(layer)) data.push_back(tensor.detach());
  return data;
}

void set_tensor_data(const nn::Layer& layer, const std::vector<torch::Tensor>& data) {
  const auto tensors = tensors_of(layer);
  MLRUN_ASSERT(tensors.size() == data.size(), "the tensors are of another model");
  for (std::size_t i = 0; i < tensors.size(); ++i) tensors[i].set_data(data[i]);
}

TensorsKept::TensorsKept(std::shared_ptr<nn::Layer> layer) : layer_(std::move(layer)), data_(tensor_data(*layer_)) {}

TensorsKept::~TensorsKept() { set_tensor_data(*layer_, data_); }

}  // namespace mlrun::deploy
