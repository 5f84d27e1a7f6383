#include "deploy/trace.h"

#include <torch/csrc/jit/frontend/tracer.h>

#include "nn/evaluation_scope.h"
#include "quant/runner.h"

namespace mlrun::deploy {
namespace {

namespace jit = torch::jit;

/// Writes the path of the running layer into the nodes that it makes.
class PathScopes : public nn::Interceptor {
 public:
  nn::Tensors around(nn::Layer& layer, const nn::Tensors& inputs, const Proceed& proceed) override {
    const auto state = jit::tracer::getTracingState();
    if (!state || layer.path().empty()) return proceed(inputs);
    const auto scope = c10::make_intrusive<jit::Scope>()->push(c10::Symbol::scope(layer.path()));
    const jit::WithCurrentScope guard(*state->graph, scope);
    return proceed(inputs);
  }
};

/// What is done before the model, in a scope of its own.
torch::Tensor before(const TraceOptions& options, const torch::Tensor& input) {
  const auto scope = c10::make_intrusive<jit::Scope>()->push(c10::Symbol::scope("preprocess"));
  const jit::WithCurrentScope guard(*jit::tracer::getTracingState()->graph, scope);
  return options.before(input);
}

void add_tensors(jit::Module& module, const nn::Layer& layer) {
  for (const auto& item : layer.named_parameters(/*recurse=*/false)) {
    module.register_parameter(item.key(), item.value(), /*is_buffer=*/false);
  }
  for (const auto& item : layer.named_buffers(/*recurse=*/false)) module.register_buffer(item.key(), item.value());
}

/// The layer's tensors, and those below it, as TorchScript sees a module. `int8`: what runs an int8 model, or null.
jit::Module mirror(const nn::Layer& layer, const std::string& name,
                   const std::shared_ptr<jit::CompilationUnit>& compilation, const quant::Int8Runner* int8) {
  jit::Module module(c10::QualifiedName("__torch__.mlrun." + name), compilation);
  module.register_attribute("training", c10::BoolType::get(), false);
  if (!int8 || !int8->replaces(layer)) add_tensors(module, layer);
  const c10::IValue packed = int8 ? int8->packed_for_trace(layer) : c10::IValue();
  if (!packed.isNone()) module.register_attribute("_packed_params", packed.type(), packed);  // torch.ao's name
  std::size_t number = 0;
  for (const auto& child : layer.named_children()) {
    const auto below = std::dynamic_pointer_cast<nn::Layer>(child.value());
    MLRUN_ASSERT(below, "a child is no layer");
    if (quant::holds_runner(*below)) continue;
    module.register_module(child.key(), mirror(*below, name + "_" + std::to_string(number++), compilation, int8));
  }
  return module;
}

}  // namespace

jit::Module trace(nn::Layer& model, const nn::Tensors& example, const TraceOptions& options) {
  const torch::NoGradGuard no_gradients;
  const nn::EvaluationScope evaluation(model);
  PathScopes scopes;
  const nn::InterceptorScope named(model, scopes);
  const auto compilation = std::make_shared<jit::CompilationUnit>();
  jit::Module module = mirror(model, "Model", compilation, quant::int8_runner(model));
  const auto run = [&](jit::Stack inputs) -> jit::Stack {
    // It warns of what views of a tensor would not see. Layers work in place only over what nobody else reads.
    const jit::tracer::NoWarn silent;
    nn::Tensors tensors;
    for (const auto& input : inputs) tensors.push_back(input.toTensor());
    if (options.before) tensors.front() = before(options, tensors.front());
    const nn::Tensors outputs = model.run(tensors);
    if (outputs.size() == 1) return {outputs.front()};
    return {c10::ivalue::Tuple::create(std::vector<c10::IValue>(outputs.begin(), outputs.end()))};
  };
  const auto nameless = [](const torch::Tensor&) { return std::string(); };
  const auto traced = jit::tracer::trace(jit::Stack(example.begin(), example.end()), run, nameless, /*strict=*/true,
                                         options.out_of_place, &module, nn::tensor_names(model.interface().inputs));
  const auto function =
      compilation->create_function(c10::QualifiedName(*module.type()->name(), "forward"), traced.first->graph);
  module.type()->addMethod(function);
  return module;
}

}  // namespace mlrun::deploy
