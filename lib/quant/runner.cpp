#include "quant/runner.h"

#include <algorithm>
#include <limits>

#include <torch/csrc/jit/frontend/tracer.h>

#include "base/log.h"
#include "nn/tensors.h"
#include "quant/engine.h"
#include "quant/kernels.h"

namespace mlrun::quant {
namespace {

/// The child of a model's root that owns its runner. Nobody calls it.
class RunnerHolder : public nn::UnaryLayer {
 public:
  explicit RunnerHolder(std::shared_ptr<Int8Runner> runner_) : UnaryLayer("Int8Runner"), runner(std::move(runner_)) {}
  torch::Tensor forward(const torch::Tensor& input) override { return input; }

  std::shared_ptr<Int8Runner> runner;
};

constexpr const char* kHolder = "int8_runner";

std::map<std::string, nn::Layer*> by_path(nn::Layer& model) {
  std::map<std::string, nn::Layer*> layers;
  for (nn::Layer* layer : model.all_layers()) layers.emplace(layer->path(), layer);
  return layers;
}

void to_float(nn::Tensors& tensors) {
  for (auto& tensor : tensors) {
    if (tensor.is_quantized()) tensor = tensor.dequantize();
  }
}

/// Shapes stay, for what counts with them; whoever computes with the weight sees it.
void release(torch::Tensor& tensor) {
  if (!tensor.defined()) return;
  tensor.set_data(torch::full({}, std::numeric_limits<float>::quiet_NaN(), tensor.options().requires_grad(false))
                      .expand(tensor.sizes()));
}

std::string engine_here(const Int8Plan& plan, const std::string& file) {
  const auto engines = int8_engines();
  const bool there = std::find(engines.begin(), engines.end(), plan.engine) != engines.end();
  const std::string engine = there ? plan.engine : choose_engine("auto");
  if (!there)
    log::info(file + " was made for the int8 engine " + plan.engine + "; this machine computes with " + engine);
  if (!plan.reduce_range && saturates(engine)) {
    log::warning(file + " has activations of 8 bits, whose sums overflow in the int8 kernels of this processor (it " +
                 "lacks VNNI): they are added in float32 here, which takes longer; quantize.reduce_range: on makes " +
                 "what is fast everywhere");
  }
  return engine;
}

}  // namespace

Int8Runner::Int8Runner(nn::Layer& model, Int8Plan plan, std::string engine)
    : model_(model), plan_(std::move(plan)), engine_(std::move(engine)) {
  use_engine(engine_);
  const auto layers = by_path(model);
  const bool overflows = !plan_.reduce_range && saturates(engine_);
  for (const Int8Node& node : plan_.nodes) {
    const nn::Layer* layer = layers.at(node.path);
    entries_[layer] = entry_of(node, *layer, overflows);
    for (const std::string& folded : node.folded) entries_[layers.at(folded)] = {};
  }
}

Int8Runner::Entry Int8Runner::entry_of(const Int8Node& node, const nn::Layer& layer, bool overflows) const {
  Entry entry{&node, nullptr, nullptr};
  if (node.weight.defined()) entry.packed = std::make_unique<PackedSizes>(node, layer, engine_);
  if (overflows && adds_products(node, layer)) entry.float_sums = std::make_unique<FloatSums>(node, layer);
  return entry;
}

nn::Tensors Int8Runner::around(nn::Layer& layer, const nn::Tensors& inputs, const Proceed& proceed) {
  if (nn::on_meta(inputs)) return proceed(inputs);
  if (&layer == &model_) use_engine(engine_);
  const auto entry = entries_.find(&layer);
  nn::Tensors outputs;
  if (entry != entries_.end()) {
    outputs = entry->second.node ? run_node(entry->second, layer, inputs, proceed) : inputs;
  } else if (runs_float(layer)) {
    nn::Tensors values = inputs;
    to_float(values);
    outputs = proceed(values);
  } else {
    outputs = proceed(inputs);
  }
  if (&layer == &model_) to_float(outputs);
  return outputs;
}

nn::Tensors Int8Runner::run_node(const Entry& entry, const nn::Layer& layer, const nn::Tensors& inputs,
                                 const Proceed& proceed) const {
  const torch::NoGradGuard no_gradients;
  const Int8Node& node = *entry.node;
  nn::Tensors outputs;
  if (node.op == "pass") {
    outputs = proceed(inputs);
  } else {
    nn::Tensors values = inputs;
    if (node.op == "linear_dynamic") to_float(values);
    for (std::size_t i = 0; i < values.size() && !node.inputs.empty(); ++i) {
      if (!values[i].is_quantized()) values[i] = quantize(values[i], node.inputs[std::min(i, node.inputs.size() - 1)]);
    }
    outputs = {run_kernel(entry, layer, values)};
  }
  if (node.float_output) to_float(outputs);
  return outputs;
}

/// A trace gets the kernels themselves: it is also for processors that have better ones.
torch::Tensor Int8Runner::run_kernel(const Entry& entry, const nn::Layer& layer, const nn::Tensors& inputs) const {
  if (entry.float_sums && !torch::jit::tracer::isTracing()) return entry.float_sums->run(inputs.front());
  const c10::IValue packed = entry.packed ? entry.packed->at(inputs.front()) : c10::IValue();
  return quant::run_kernel(*entry.node, layer, packed, plan_.reduce_range, inputs);
}

/// Layers around others hand on what they get.
bool Int8Runner::runs_float(const nn::Layer& layer) const {
  const auto& named = plan_.float_layers;
  return layer.children().empty() ||
         std::any_of(named.begin(), named.end(), [&](const FloatLayer& one) { return one.path == layer.path(); });
}

c10::IValue Int8Runner::packed_for_trace(const nn::Layer& layer) const {
  const auto entry = entries_.find(&layer);
  return entry == entries_.end() || !entry->second.packed ? c10::IValue() : entry->second.packed->fresh();
}

bool Int8Runner::replaces(const nn::Layer& layer) const {
  const auto entry = entries_.find(&layer);
  return entry != entries_.end() && (!entry->second.node || entry->second.packed);
}

void attach_int8(nn::Layer& model, Int8Plan plan, const std::string& file) {
  check_plan(model, plan, file);
  MLRUN_ASSERT(!int8_runner(model), "the model is int8 already");
  const torch::NoGradGuard no_gradients;
  const std::string engine = engine_here(plan, file);
  auto runner = std::make_shared<Int8Runner>(model, std::move(plan), engine);
  auto tensors = nn::state_dict(model);
  const auto replaced = replaced_tensors(model, runner->plan());
  for (auto& [name, tensor] : tensors) {
    if (std::find(replaced.begin(), replaced.end(), name) != replaced.end() && tensor.is_floating_point()) {
      release(tensor);
    }
  }
  model.intercept({runner.get()});
  model.register_module(kHolder, std::make_shared<RunnerHolder>(std::move(runner)));
  nn::name_layers(model);
}

const Int8Runner* int8_runner(const nn::Layer& model) {
  for (const auto& child : model.layers()) {
    if (const auto holder = std::dynamic_pointer_cast<RunnerHolder>(child)) return holder->runner.get();
  }
  return nullptr;
}

bool holds_runner(const nn::Layer& layer) { return dynamic_cast<const RunnerHolder*>(&layer) != nullptr; }

std::vector<std::string> replaced_tensors(nn::Layer& model, const Int8Plan& plan) {
  const auto layers = by_path(model);
  std::vector<std::string> names;
  const auto add = [&](const std::string& path) {
    const nn::Layer& layer = *layers.at(path);
    for (const auto& item : layer.named_parameters(/*recurse=*/false)) names.push_back(path + "." + item.key());
    for (const auto& item : layer.named_buffers(/*recurse=*/false)) names.push_back(path + "." + item.key());
  };
  for (const Int8Node& node : plan.nodes) {
    if (node.weight.defined()) add(node.path);
    for (const std::string& folded : node.folded) add(folded);
  }
  return names;
}

}  // namespace mlrun::quant
